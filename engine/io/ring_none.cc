#include "engine/io/ring.h"

namespace pgz {

Result<std::unique_ptr<Ring>> make_ring(unsigned, Ring::Owner) {
  return Status::make(Code::kNotSupported, "built without liburing");
}

}  // namespace pgz
