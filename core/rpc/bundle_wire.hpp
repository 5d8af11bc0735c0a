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

/// So many bytes one message has of questions that are asked together, unless a single one has more.
inline constexpr std::size_t most_bundle_bytes = std::size_t{256} << 10U;

/// Many questions of one kind, which change something: the bulk is these, one behind the other (see
/// bundled()). Each is what it is by itself, and is answered by itself; the answers come together.
struct BundleWords {
  std::uint32_t count = 0;  ///< 1 to most_in_a_batch
  std::uint32_t unused = 0;
  std::uint64_t patience_ns = 0;  ///< what has not been answered then is answered `timeout`
};
static_assert(sizeof(BundleWords) == 16);

/// What is said of each: the bulk of the answer, whose body is BatchAnswerWords, begins with as many of them.
/// Behind them stand errors (packed_error.hpp), in the same order.
struct BundleRow {
  std::uint32_t status = 0;       ///< its Errc; 0: it went well
  std::uint32_t error_bytes = 0;  ///< of its error; 0: told by the status alone
  std::uint64_t value = 0;        ///< what the answer's body would be by itself, up to 8 bytes
};
static_assert(sizeof(BundleRow) == 16);

/// What the questions of such a bundle are, each by itself.
[[nodiscard]] constexpr std::optional<Kind> kind_within(Kind bundle) noexcept {
  switch (bundle) {
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
/// How many bytes the words of such a question have.
[[nodiscard]] constexpr std::size_t words_within(Kind bundle) noexcept {
  return bundle == Kind::evict_batch    ? sizeof(KeyWords)
         : bundle == Kind::unbind_batch ? sizeof(UnbindWords)
         : bundle == Kind::bind_batch   ? sizeof(BindWords)
                                        : sizeof(NameWords);
}

/// One of the questions of a bundle: words and bulk, behind their length in 4 bytes.
struct Bundled {
  std::span<const std::byte> words;
  std::span<const std::byte> bulk;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return sizeof(std::uint32_t) + words.size() + bulk.size();
  }
};

/// Appends it.
inline void bundle(const Bundled& question, std::vector<std::byte>& bytes) {
  const auto length = static_cast<std::uint32_t>(question.words.size() + question.bulk.size());
  for (const auto part : {words(length), question.words, question.bulk}) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
}
/// The next one, which is taken off the front of `bytes`; none if what stands there is none.
[[nodiscard]] inline std::optional<Bundled> bundled(std::span<const std::byte>& bytes,
                                                    std::size_t words_bytes) noexcept {
  const auto length = read_words<std::uint32_t>(bytes);
  if (!length || *length < words_bytes || *length > bytes.size() - sizeof *length) {
    return std::nullopt;
  }
  const auto all = bytes.subspan(sizeof *length, *length);
  bytes = bytes.subspan(sizeof *length + *length);
  return Bundled{all.first(words_bytes), all.subspan(words_bytes)};
}
/// Whether these are so many of them, and nothing else.
[[nodiscard]] inline bool are_bundled(std::span<const std::byte> bytes, std::uint32_t count,
                                      std::size_t words_bytes) noexcept {
  for (std::uint32_t at = 0; at < count; ++at) {
    if (!bundled(bytes, words_bytes)) {
      return false;
    }
  }
  return bytes.empty() && count > 0 && count <= most_in_a_batch;
}

}  // namespace locum
