#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/batch_places.hpp"
#include "core/object/address.hpp"
#include "core/object/object.hpp"
#include "core/ports/batches.hpp"
#include "core/ports/connector.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum {

/// So many names of a batch are claimed at a time, and about so many bytes of theirs copied: others wait for
/// no more than that, and this process needs memory for no more.
inline constexpr std::size_t most_in_piece = 256;
inline constexpr std::uint64_t most_bytes_in_piece = std::uint64_t{64} << 20U;

/// Cuts a batch into pieces, of at least one object each. `size_of(place)`: its bytes; `make(places)` does
/// what is to be done with a piece, given as places in the batch.
template <class Size, class Make>
void in_pieces(std::span<const std::size_t> places, std::uint64_t most_bytes, const Size& size_of,
               const Make& make) {
  for (std::size_t first = 0; first < places.size();) {
    std::size_t last = first + 1;
    for (std::uint64_t bytes = size_of(places[first]); last < places.size() && last - first < most_in_piece;
         ++last) {
      bytes += size_of(places[last]);
      if (bytes > most_bytes) {
        break;
      }
    }
    make(places.subspan(first, last - first));
    first = last;
  }
}

/// Connector::find_batch(), seal_batch() and evict_batch(), of none without a call.
[[nodiscard]] inline std::vector<Result<ObjectView>> found_together(Connector& connector,
                                                                    std::span<const Address> addresses,
                                                                    Wanting wanting,
                                                                    Deadline::Clock::time_point until) {
  std::vector<Result<ObjectView>> found(addresses.size(), Result<ObjectView>(ObjectView()));
  if (!addresses.empty()) {
    connector.find_batch(addresses, wanting, found, until);
  }
  return found;
}
[[nodiscard]] inline std::vector<Result<Sealed>> sealed_together(Connector& connector,
                                                                 std::span<const ObjectDraft> drafts,
                                                                 Deadline::Clock::time_point until) {
  std::vector<Result<Sealed>> sealed(drafts.size(), Result<Sealed>(Sealed()));
  if (!drafts.empty()) {
    connector.seal_batch(drafts, sealed, until);
  }
  return sealed;
}
[[nodiscard]] inline std::vector<Result<bool>> evicted_together(Connector& connector,
                                                                std::span<const Address> addresses,
                                                                Deadline::Clock::time_point until) {
  std::vector<Result<bool>> evicted(addresses.size(), Result<bool>(false));
  if (!addresses.empty()) {
    connector.evict_batch(addresses, evicted, until);
  }
  return evicted;
}

}  // namespace locum
