#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "core/object/object_wire.hpp"
#include "core/rpc/message.hpp"

namespace locum {

/// Most bytes of the bulk of a message `together`.
inline constexpr std::size_t most_together_bytes = std::size_t{64} << 10U;
/// Most bytes that one of its messages takes: it is copied, and a longer one is not worth that.
inline constexpr std::size_t most_bytes_of_one = std::size_t{8} << 10U;

/// One of the messages that travel together: its parts.
struct MessageParts {
  Envelope envelope;
  std::span<const std::byte> body;
  std::span<const std::byte> bulk;
};

/// What precedes each of them. The envelope, the body and the bulk follow, each padded to `together_unit`.
struct TogetherWords {
  std::uint32_t body_bytes = 0;
  std::uint32_t bulk_bytes = 0;
  std::uint64_t unused = 0;
};
static_assert(sizeof(TogetherWords) == 16);
inline constexpr std::size_t together_unit = 16;

[[nodiscard]] constexpr std::size_t padded(std::size_t bytes) noexcept {
  return (bytes + together_unit - 1) / together_unit * together_unit;
}
/// What such a message takes of the bulk.
[[nodiscard]] constexpr std::size_t bytes_together(std::size_t body_bytes, std::size_t bulk_bytes) noexcept {
  return sizeof(TogetherWords) + sizeof(Envelope) + padded(body_bytes) + padded(bulk_bytes);
}

/// Appends a message.
inline void append_message(const MessageParts& message, std::vector<std::byte>& bytes) {
  const TogetherWords lengths{static_cast<std::uint32_t>(message.body.size()),
                              static_cast<std::uint32_t>(message.bulk.size())};
  for (const auto part : {words(lengths), words(message.envelope), message.body, message.bulk}) {
    bytes.insert(bytes.end(), part.begin(), part.end());
    bytes.resize(padded(bytes.size()));
  }
}

/// Takes the next message off the front of `bytes`; none if they are malformed.
[[nodiscard]] inline std::optional<MessageParts> next_message(std::span<const std::byte>& bytes) noexcept {
  const auto lengths = read_words<TogetherWords>(bytes);
  if (!lengths || lengths->body_bytes > max_body_bytes || lengths->bulk_bytes > bytes.size() ||
      bytes_together(lengths->body_bytes, lengths->bulk_bytes) > bytes.size()) {
    return std::nullopt;
  }
  MessageParts message;
  auto left = bytes.subspan(sizeof *lengths);
  std::memcpy(&message.envelope, left.data(), sizeof message.envelope);
  left = left.subspan(sizeof message.envelope);
  message.body = left.first(lengths->body_bytes);
  message.bulk = left.subspan(padded(lengths->body_bytes)).first(lengths->bulk_bytes);
  bytes = bytes.subspan(bytes_together(lengths->body_bytes, lengths->bulk_bytes));
  return message;
}

}  // namespace locum
