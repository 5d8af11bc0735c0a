#include "core/backend/backend_identity.hpp"

#include <cstring>
#include <span>
#include <string>

#include "core/backend/backend_keys.hpp"
#include "core/backend/record_names.hpp"
#include "core/base/wall_clock.hpp"

namespace locum {

Result<std::uint64_t> identity_of(Backend& backend, Deadline deadline) {
  const RecordKey key{system_space, identity_record};
  for (int round = 0; round < 2; ++round) {
    const auto found = backend.load(key, whole_record, deadline);
    std::uint64_t identity = 0;
    if (found && found->bytes.size() == sizeof identity) {
      std::memcpy(&identity, found->bytes.data(), sizeof identity);
    }
    if (identity != 0) {
      return identity;
    }
    if (found) {
      return Error(Errc::corrupt, "the record '" + std::string(identity_record) +
                                      "' has no identity of this store in it; remove it, which makes handles "
                                      "of the store's objects invalid");
    }
    if (found.error().code() != Errc::not_found) {
      return found.error();
    }
    while (identity == 0) {
      identity = random_word();
    }
    NewRecord record;
    record.bytes = std::as_bytes(std::span(&identity, 1));
    record.revision = nanoseconds_since_1970();
    record.expect = Expect::absent;
    const auto stored = backend.store(key, record, deadline);
    if (stored) {
      return identity;
    }
    if (stored.error().code() != Errc::key_exists) {
      return stored.error();
    }
  }
  return Error(Errc::timeout,
               "another process was removing what this backend stores; try again once it has ended");
}

}  // namespace locum
