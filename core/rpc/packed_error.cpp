#include "core/rpc/packed_error.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace locum {

namespace {

constexpr std::size_t longest_text = 16 * 1024;

void append(std::vector<std::byte>& bytes, std::string_view text) {
  std::string cut(text.substr(0, longest_text));
  if (text.size() > longest_text) {
    cut += "… (" + std::to_string(text.size()) + " bytes)";
  }
  const auto length = static_cast<std::uint32_t>(cut.size());
  const auto* const length_bytes = reinterpret_cast<const std::byte*>(&length);
  bytes.insert(bytes.end(), length_bytes, length_bytes + sizeof length);
  const auto* const first = reinterpret_cast<const std::byte*>(cut.data());
  bytes.insert(bytes.end(), first, first + cut.size());
}

// Takes the next text off the front of `bytes`.
std::optional<std::string> take(std::span<const std::byte>& bytes) {
  std::uint32_t length = 0;
  if (bytes.size() < sizeof length) {
    return std::nullopt;
  }
  std::memcpy(&length, bytes.data(), sizeof length);
  bytes = bytes.subspan(sizeof length);
  if (bytes.size() < length) {
    return std::nullopt;
  }
  std::string text(reinterpret_cast<const char*>(bytes.data()), length);
  bytes = bytes.subspan(length);
  return text;
}

bool is_known_code(std::uint8_t code) {
  return to_string(static_cast<Errc>(code)) != "unknown";
}

}  // namespace

std::vector<std::byte> pack(const Error& error) {
  std::vector<std::byte> bytes{static_cast<std::byte>(error.code())};
  append(bytes, error.text());
  append(bytes, error.detail());
  append(bytes, error.key());
  return bytes;
}

Error unpack(std::span<const std::byte> bytes, int rank) {
  if (!bytes.empty() && is_known_code(static_cast<std::uint8_t>(bytes[0]))) {
    const auto code = static_cast<Errc>(bytes[0]);
    bytes = bytes.subspan(1);
    const std::optional<std::string> text = take(bytes);
    const std::optional<std::string> detail = text ? take(bytes) : std::nullopt;
    const std::optional<std::string> key = detail ? take(bytes) : std::nullopt;
    if (key && bytes.empty()) {
      const Error error = Error(code, *text, *detail).at_rank(rank);
      // A long key was already shortened when the error was made; do not shorten it again.
      return key->empty() ? error : error.about(std::string_view(*key).substr(0, 128));
    }
  }
  return Error(Errc::corrupt, "a rank reported an unreadable error; look at that rank's output")
      .at_rank(rank);
}

}  // namespace locum
