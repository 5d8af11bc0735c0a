#include "transport/ucx/remote_key.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "core/base/hash.hpp"

namespace locum::ucx {
namespace {

std::uint64_t check_of(const KeyFront& front, std::span<const std::byte> packed) noexcept {
  const auto text = [](const void* bytes, std::size_t size) {
    return std::string_view(static_cast<const char*>(bytes), size);
  };
  return detail::fold_multiply(hash64(text(&front, offsetof(KeyFront, check))) ^ 0x9E3779B97F4A7C15U,
                               hash64(text(packed.data(), packed.size())) ^ 0xD6E8FEB86659FD93U);
}

}  // namespace

std::vector<std::byte> pack_key(const Context& context, const MemoryHandle& memory) {
  void* packed = nullptr;
  std::size_t size = 0;
  if (ucp_rkey_pack(context.handle(), memory.handle(), &packed, &size) != UCS_OK) {
    return {};
  }
  const auto* const bytes = static_cast<const std::byte*>(packed);
  std::vector<std::byte> key(bytes, bytes + size);
  ucp_rkey_buffer_release(packed);
  return key;
}

std::optional<RemoteKey> seal_key(KeyFront front, std::span<const std::byte> packed) noexcept {
  std::array<std::byte, RemoteKey::max_bytes> bytes;
  if (packed.empty() || sizeof front + packed.size() > bytes.size()) {
    return std::nullopt;
  }
  front.bytes = static_cast<std::uint32_t>(packed.size());
  front.check = check_of(front, packed);
  std::memcpy(bytes.data(), &front, sizeof front);
  std::ranges::copy(packed, bytes.begin() + sizeof front);
  return RemoteKey(std::span(bytes).first(sizeof front + packed.size()));
}

std::optional<OpenedKey> open_key(const RemoteKey& key, std::uint64_t session, int owner) noexcept {
  OpenedKey opened;
  if (key.bytes().size() <= sizeof opened.front) {
    return std::nullopt;
  }
  std::memcpy(&opened.front, key.bytes().data(), sizeof opened.front);
  opened.packed = key.bytes().subspan(sizeof opened.front);
  const KeyFront& front = opened.front;
  if (front.session != session || front.owner != owner || front.bytes != opened.packed.size() ||
      front.check != check_of(front, opened.packed)) {
    return std::nullopt;
  }
  return opened;
}

}  // namespace locum::ucx
