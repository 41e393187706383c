# SPDX-License-Identifier: GPL-2.0
#
# Sources of the installed rdma-core and perftest: the provider needs private
# headers of the one, the other is built once more, with dma-bufs for memory. Without a path
# given they are fetched with apt-get source, at configure time.

# prxe_source(VARIABLE SOURCE_PACKAGE INSTALLED_PACKAGE)
function(prxe_source variable source package)
  if(NOT ${variable})
    set(_dir ${CMAKE_BINARY_DIR}/sources/${source})
    if(NOT EXISTS ${_dir}/.complete)
      message(STATUS "Fetching the source of the installed ${source}")
      execute_process(
        COMMAND sh ${CMAKE_SOURCE_DIR}/cmake/fetch-source.sh ${source} ${package} ${_dir}
        RESULT_VARIABLE _result)
      if(NOT _result EQUAL 0)
        message(FATAL_ERROR "No source of ${source}; give it with -D${variable}=DIR")
      endif()
    endif()
    set(${variable} ${_dir} CACHE PATH "Unpacked source of ${source}" FORCE)
  elseif(NOT IS_DIRECTORY ${${variable}})
    message(FATAL_ERROR "${variable}: no such directory: ${${variable}}")
  endif()
endfunction()

prxe_source(RDMA_CORE_SRC rdma-core libibverbs-dev)
if(PRXE_PERFTEST)
  prxe_source(PERFTEST_SRC perftest perftest)
endif()
