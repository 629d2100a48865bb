// Which back end production uses.
#include "engine/base/clock.h"
#include "engine/io/uring.h"

namespace pgz {
namespace {

constexpr uint32_t kPoolThreads = 4;

std::unique_ptr<PosixIo> choose(const IoOptions& options) {
  const PosixIoOptions plain{.allow_direct = options.allow_direct,
                             .direct_tables = options.direct_tables,
                             .pool_threads = kPoolThreads};
  if (options.backend == IoBackend::kPosix) return std::make_unique<PosixIo>(plain);
  auto ring =
      make_uring_io({.allow_direct = options.allow_direct, .direct_tables = options.direct_tables});
  if (ring.is_ok()) return ring.take();
  auto io = std::make_unique<PosixIo>(plain);
  io->set_remark("no io_uring: " + ring.status().message());
  return io;
}

}  // namespace

std::unique_ptr<Io> make_io(const IoOptions& options) {
  std::unique_ptr<PosixIo> io = choose(options);
  if (options.durable_method) io->force_durable_method(*options.durable_method);
  return io;
}

PosixRuntime::PosixRuntime(const IoOptions& options) : io_(make_io(options)), rng_(random_seed()) {}

Runtime PosixRuntime::get() { return {io_.get(), system_clock(), &rng_, thread_executor()}; }

}  // namespace pgz
