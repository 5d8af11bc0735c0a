#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/object/object_wire.hpp"
#include "core/rpc/batch_wire.hpp"
#include "core/rpc/message.hpp"

namespace locum {

/// Most bytes of requests in one batch, unless a single request has more.
inline constexpr std::size_t most_update_batch_bytes = std::size_t{256} << 10U;

/// A batch of requests of one kind that change something: the bulk holds them one after the other (see
/// next_request()). Each has its usual form and its own reply; the replies are sent together.
struct UpdateBatchWords {
  std::uint32_t count = 0;  ///< 1 to most_in_a_batch
  std::uint32_t unused = 0;
  std::uint64_t patience_ns = 0;  ///< requests without a reply by then get `timeout`
};
static_assert(sizeof(UpdateBatchWords) == 16);

/// The reply to one request: the bulk of the batch's reply, whose body is BatchReplyWords, starts with one
/// of these for each. Errors (packed_error.hpp) follow, in the same order.
struct BatchReplyRow {
  std::uint32_t status = 0;       ///< its Errc; 0: success
  std::uint32_t error_bytes = 0;  ///< of its error; 0: only the status is sent
  std::uint64_t value = 0;        ///< the body of its reply, up to 8 bytes
};
static_assert(sizeof(BatchReplyRow) == 16);

/// The kind of the single requests in such a batch.
[[nodiscard]] constexpr std::optional<Kind> kind_within(Kind batch) noexcept {
  switch (batch) {
    case Kind::evict_batch:
      return Kind::evict;
    case Kind::unbind_batch:
      return Kind::unbind;
    case Kind::bind_batch:
      return Kind::bind;
    default:
      return std::nullopt;
  }
}
/// Size of the fixed part of such a request.
[[nodiscard]] constexpr std::size_t words_within(Kind batch) noexcept {
  return batch == Kind::evict_batch    ? sizeof(KeyWords)
         : batch == Kind::unbind_batch ? sizeof(UnbindWords)
         : batch == Kind::bind_batch   ? sizeof(BindWords)
                                       : sizeof(NameWords);
}

/// A request of a batch: fixed part and bulk, after their length in 4 bytes.
struct PackedRequest {
  std::span<const std::byte> words;
  std::span<const std::byte> bulk;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return sizeof(std::uint32_t) + words.size() + bulk.size();
  }
};

/// Appends a request.
inline void append_request(const PackedRequest& request, std::vector<std::byte>& bytes) {
  const auto length = static_cast<std::uint32_t>(request.words.size() + request.bulk.size());
  for (const auto part : {words(length), request.words, request.bulk}) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
}
/// Takes the next request off the front of `bytes`; none if they are malformed.
[[nodiscard]] inline std::optional<PackedRequest> next_request(std::span<const std::byte>& bytes,
                                                               std::size_t words_bytes) noexcept {
  const auto length = read_words<std::uint32_t>(bytes);
  if (!length || *length < words_bytes || *length > bytes.size() - sizeof *length) {
    return std::nullopt;
  }
  const auto all = bytes.subspan(sizeof *length, *length);
  bytes = bytes.subspan(sizeof *length + *length);
  return PackedRequest{all.first(words_bytes), all.subspan(words_bytes)};
}
/// Whether these bytes are exactly `count` requests.
[[nodiscard]] inline bool are_requests(std::span<const std::byte> bytes, std::uint32_t count,
                                       std::size_t words_bytes) noexcept {
  for (std::uint32_t at = 0; at < count; ++at) {
    if (!next_request(bytes, words_bytes)) {
      return false;
    }
  }
  return bytes.empty() && count > 0 && count <= most_in_a_batch;
}

}  // namespace locum
