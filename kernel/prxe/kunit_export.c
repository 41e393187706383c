// SPDX-License-Identifier: GPL-2.0-only
/*
 * What prxe_kunit.ko sees of this module, on kernels with KUnit; on others this
 * file is not built. Here and not behind each function, so that files which user
 * space compiles too stay free of it.
 */
#include <kunit/visibility.h>

#include "crc.h"
#include "fast_reg.h"
#include "io_copy.h"
#include "mr.h"
#include "mr_internal.h"
#include "net_internal.h"
#include "qp.h"
#include "section.h"

/* pure logic */
EXPORT_SYMBOL_IF_KUNIT(prxe_op_table);
EXPORT_SYMBOL_IF_KUNIT(prxe_opcode_follows);
EXPORT_SYMBOL_IF_KUNIT(prxe_msg_state_after);
EXPORT_SYMBOL_IF_KUNIT(prxe_request_opcode);
EXPORT_SYMBOL_IF_KUNIT(prxe_pkt_parse);
EXPORT_SYMBOL_IF_KUNIT(prxe_pkt_build);
EXPORT_SYMBOL_IF_KUNIT(prxe_crc32_init);
EXPORT_SYMBOL_IF_KUNIT(prxe_crc32_byte);
EXPORT_SYMBOL_IF_KUNIT(prxe_crc32_slice16);
EXPORT_SYMBOL_IF_KUNIT(prxe_crc32_copy_slice16);
EXPORT_SYMBOL_IF_KUNIT(prxe_icrc_headers);
EXPORT_SYMBOL_IF_KUNIT(prxe_send_wqe_check);
EXPORT_SYMBOL_IF_KUNIT(prxe_recv_wqe_check);

/* memory */
EXPORT_SYMBOL_IF_KUNIT(prxe_crc_engines);
EXPORT_SYMBOL_IF_KUNIT(prxe_hazard);
EXPORT_SYMBOL_IF_KUNIT(prxe_section_wait);
EXPORT_SYMBOL_IF_KUNIT(prxe_io_write);
EXPORT_SYMBOL_IF_KUNIT(prxe_io_read);
EXPORT_SYMBOL_IF_KUNIT(prxe_io_copy);
EXPORT_SYMBOL_IF_KUNIT(prxe_get_dma_mr);
EXPORT_SYMBOL_IF_KUNIT(prxe_dereg_mr);
EXPORT_SYMBOL_IF_KUNIT(prxe_mr_lookup);
EXPORT_SYMBOL_IF_KUNIT(prxe_mr_flush);
EXPORT_SYMBOL_IF_KUNIT(prxe_is_persistent);
EXPORT_SYMBOL_IF_KUNIT(prxe_alloc_mr);
EXPORT_SYMBOL_IF_KUNIT(prxe_map_mr_sg);
EXPORT_SYMBOL_IF_KUNIT(prxe_fast_register);
EXPORT_SYMBOL_IF_KUNIT(prxe_fast_invalidate);

/* wire */
EXPORT_SYMBOL_IF_KUNIT(prxe_flow_matches);
EXPORT_SYMBOL_IF_KUNIT(prxe_train_begin);
EXPORT_SYMBOL_IF_KUNIT(prxe_train_open);
EXPORT_SYMBOL_IF_KUNIT(prxe_train_close);
EXPORT_SYMBOL_IF_KUNIT(prxe_train_abort);
EXPORT_SYMBOL_IF_KUNIT(prxe_rx_skb);
EXPORT_SYMBOL_IF_KUNIT(prxe_rx_flush);
EXPORT_SYMBOL_IF_KUNIT(prxe_rx_copy_in);
EXPORT_SYMBOL_IF_KUNIT(prxe_rx_copy_bits);
EXPORT_SYMBOL_IF_KUNIT(prxe_resp_rx);
EXPORT_SYMBOL_IF_KUNIT(prxe_comp_rx);
EXPORT_SYMBOL_IF_KUNIT(prxe_tx_room);
EXPORT_SYMBOL_IF_KUNIT(prxe_tx_wait);
EXPORT_SYMBOL_IF_KUNIT(prxe_tx_unwait);
EXPORT_SYMBOL_IF_KUNIT(prxe_write_space);
EXPORT_SYMBOL_IF_KUNIT(prxe_wq);
