#include "engine/io/uring.h"

namespace pgz {

Result<std::unique_ptr<PosixIo>> make_uring_io(const UringIoOptions& options,
                                               std::unique_ptr<PosixCalls>) {
  PGZ_TRY(options.make_ring(1, Ring::Owner::kAnyThread));
  return Status::make(Code::kNotSupported, "io_uring is Linux's");
}

}  // namespace pgz
