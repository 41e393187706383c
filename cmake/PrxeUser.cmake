# SPDX-License-Identifier: GPL-2.0
#
# How user-space C is compiled here, and where its parts are installed.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_package(PkgConfig REQUIRED)

# Warnings for our own user-space code; sources of others are compiled without.
add_library(prxe_warnings INTERFACE)
target_compile_options(prxe_warnings INTERFACE -Wall -Wextra -Werror)

# Headers of ours: kernel/include/uapi for the uABI, kernel/include for the pure
# ones.
set(PRXE_UAPI_DIR ${CMAKE_SOURCE_DIR}/kernel/include/uapi)
set(PRXE_TEST_DIR ${CMAKE_INSTALL_PREFIX}/lib/prxe/tests)

# prxe_program(NAME SOURCE... [PKG pkg-config names...] [LIBS libraries...])
#
# A helper program of the guest tests or the demo, installed to PRXE_BIN.
function(prxe_program name)
  cmake_parse_arguments(P "" "" "PKG;LIBS" ${ARGN})
  add_executable(${name} ${P_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE prxe_warnings ${P_LIBS})
  target_include_directories(${name} PRIVATE ${PRXE_UAPI_DIR})
  if(P_PKG)
    pkg_check_modules(PKG_${name} REQUIRED IMPORTED_TARGET ${P_PKG})
    target_link_libraries(${name} PRIVATE PkgConfig::PKG_${name})
  endif()
  install(TARGETS ${name} RUNTIME DESTINATION ${PRXE_TEST_DIR})
endfunction()

# prxe_unit_test(NAME SOURCE... [INCLUDE directories...] [LIBS libraries...])
#
# A user-space test of pure logic: built with ASan and UBSan, run by CTest.
function(prxe_unit_test name)
  cmake_parse_arguments(U "" "" "INCLUDE;LIBS" ${ARGN})
  set(target unit_${name})
  add_executable(${target} ${U_UNPARSED_ARGUMENTS})
  target_link_libraries(${target} PRIVATE prxe_warnings ${U_LIBS})
  target_include_directories(${target} PRIVATE ${U_INCLUDE})
  target_compile_options(${target} PRIVATE -fsanitize=address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(${target} PRIVATE -fsanitize=address,undefined)
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()
