#include "engine/base/heap.h"

namespace pgz {

void give_heap_back_early() {
#ifndef PGZ_HEAP_LIBC
  constexpr long kDelayMillis = 4;
#if MI_MALLOC_VERSION >= 210
  mi_option_set_default(mi_option_purge_delay, kDelayMillis);
#else
  mi_option_set_default(mi_option_decommit_delay, kDelayMillis);
  mi_option_set_default(mi_option_decommit_extend_delay, 0);
#endif
#endif
}

}  // namespace pgz
