#include "mpi/transport/window_memory.hpp"

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/rpc/call_error.hpp"

namespace locum::mpi {
namespace {

/// The bytes of a key. The checksum covers all before it: a damaged key must not become a read of other
/// memory.
struct Key {
  std::uint64_t session = 0;
  std::uint64_t displacement = 0;  ///< in the owner's part of the window
  std::uint64_t length = 0;
  std::int32_t owner = 0;
  std::uint32_t check = 0;
};
static_assert(sizeof(Key) <= RemoteKey::max_bytes);

std::uint32_t check_of(const Key& key) {
  return checksum(std::as_bytes(std::span(&key, 1)).first(offsetof(Key, check)));
}

std::optional<Key> opened(const RemoteKey& bytes, std::uint64_t session, int owner) {
  Key key;
  if (bytes.bytes().size() != sizeof key) {
    return std::nullopt;
  }
  std::memcpy(&key, bytes.bytes().data(), sizeof key);
  const bool is_valid = key.check == check_of(key) && key.session == session && key.owner == owner;
  return is_valid ? std::optional(key) : std::nullopt;
}

}  // namespace

Result<RemoteMemory::Exposure> WindowMemory::expose(std::span<const std::byte> memory) {
  const std::less_equal<const std::byte*> not_behind;
  if (!not_behind(exposable_.data(), memory.data()) ||
      !not_behind(memory.data() + memory.size(), exposable_.data() + exposable_.size())) {
    return Error(Errc::unsupported, "this memory is not in the window that other ranks read");
  }
  Key key{.session = session_,
          .displacement = static_cast<std::uint64_t>(memory.data() - exposable_.data()),
          .length = memory.size(),
          .owner = transport_->rank()};
  key.check = check_of(key);
  return Exposure{.number = 0, .key = RemoteKey(std::as_bytes(std::span(&key, 1)))};
}

Result<Sending> WindowMemory::get(int from, const RemoteKey& key, std::uint64_t offset,
                                  std::span<std::byte> into, Then then) {
  if (!reads(from)) {
    return Error(Errc::unsupported, "rank " + std::to_string(from) + " is not read one-sidedly");
  }
  const auto front = opened(key, session_, from);
  if (!front || offset > front->length || into.size() > front->length - offset) {
    return call_error::wrong_key(from);
  }
  return transport_->read(from, front->displacement + offset, into, std::move(then));
}

}  // namespace locum::mpi
