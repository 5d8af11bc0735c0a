#pragma once

// Array objects and hyperslabs of them for tests, and a plain nested loop that extracts one.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <ostream>
#include <random>
#include <string_view>
#include <vector>

#include "core/base/hash.hpp"
#include "core/ports/connector.hpp"
#include "tests/core/connector_samples.hpp"

namespace locum {

/// For failure messages.
inline std::ostream& operator<<(std::ostream& out, const Hyperslab& slab) {
  const auto list = [&](const char* what, const auto& numbers) {
    out << what << " {";
    for (std::size_t at = 0; at < std::min(numbers.size(), max_rank); ++at) {
      out << (at == 0 ? "" : ", ") << numbers[at];
    }
    out << "} ";
  };
  list("start", slab.start);
  list("count", slab.count);
  list("stride", slab.stride);
  return out;
}

}  // namespace locum

namespace locum::tests {

/// An array of bytes with recognisable content.
struct ArraySample {
  Extents extents;
  std::uint32_t element_bytes = 1;
  std::vector<std::byte> bytes;
};

inline ObjectMeta array_sample_meta(std::uint32_t store, const ArraySample& array,
                                    std::string_view name = {}) {
  constexpr std::string_view type = "element[]";
  return {.store = store,
          .element_bytes = array.element_bytes,
          .type_hash = text_hash(type),
          .type_name = type,
          .name = name,
          .layout = Layout::array,
          .extents = array.extents};
}

inline Result<Sealed> put(Connector& connector, std::uint32_t store, std::string_view name,
                          const ArraySample& array, const SealOptions& options = {}, bool checksum = false) {
  ObjectMeta meta = array_sample_meta(store, array, name);
  meta.checksum = checksum;
  const auto draft = connector.create(array.bytes.size(), meta, {});
  if (!draft) {
    return draft.error();
  }
  std::ranges::copy(array.bytes, draft->bytes.begin());
  return connector.seal(*draft, options, {});
}

/// Random arrays and hyperslabs within them; the same for the same seed.
class HyperslabSampler {
 public:
  explicit HyperslabSampler(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  [[nodiscard]] ArraySample array(std::size_t rank, std::uint64_t longest) {
    constexpr std::uint32_t sizes[] = {1, 2, 3, 4, 8, 16, 24, 100};
    ArraySample array;
    array.element_bytes = sizes[below(std::size(sizes))];
    std::uint64_t bytes = array.element_bytes;
    array.extents.rank = static_cast<std::uint8_t>(rank);
    for (std::size_t dimension = 0; dimension < rank; ++dimension) {
      array.extents.values[dimension] = 1 + below(longest);
      bytes *= array.extents[dimension];
    }
    array.bytes.resize(bytes);
    std::ranges::generate(array.bytes, [this] { return static_cast<std::byte>(random_()); });
    return array;
  }
  /// One dimension in three is covered completely, so that it can be merged.
  [[nodiscard]] Hyperslab slab(const Extents& extents) {
    Extents start = extents;
    Extents count = extents;
    Extents stride = extents;
    for (std::size_t dimension = 0; dimension < extents.size(); ++dimension) {
      const std::uint64_t extent = extents[dimension];
      const bool whole = below(3) == 0;
      start.values[dimension] = whole ? 0 : below(extent);
      stride.values[dimension] = whole || below(2) == 0 ? 1 : 1 + below(extent);
      const std::uint64_t most = (extent - start[dimension] - 1) / stride[dimension] + 1;
      count.values[dimension] = whole ? extent : 1 + below(most);
    }
    const bool plain = std::ranges::all_of(stride.span(), [](std::uint64_t step) { return step == 1; });
    return {.start = start, .count = count, .stride = plain && below(2) == 0 ? Extents() : stride};
  }

 private:
  std::mt19937_64 random_;
};

/// The model: a loop for each dimension, and in the innermost one a copy of one element.
inline void pack_plainly(const ArraySample& array, const Hyperslab& slab, std::size_t dimension,
                         std::uint64_t index, std::vector<std::byte>& packed) {
  if (dimension == array.extents.size()) {
    const auto element = array.bytes.begin() + static_cast<std::ptrdiff_t>(index * array.element_bytes);
    packed.insert(packed.end(), element, element + array.element_bytes);
    return;
  }
  for (std::uint64_t turn = 0; turn < slab.count[dimension]; ++turn) {
    const std::uint64_t stride = slab.stride.size() == 0 ? 1 : slab.stride[dimension];
    const std::uint64_t here = slab.start[dimension] + turn * stride;
    pack_plainly(array, slab, dimension + 1, index * array.extents[dimension] + here, packed);
  }
}
[[nodiscard]] inline std::vector<std::byte> packed(const ArraySample& array, const Hyperslab& slab) {
  std::vector<std::byte> bytes;
  pack_plainly(array, slab, 0, 0, bytes);
  return bytes;
}

/// An array whose elements have recognisable content.
[[nodiscard]] inline ArraySample field(const Extents& extents, std::uint32_t element_bytes) {
  ArraySample array{extents, element_bytes, {}};
  const auto extent = extents.span();
  const std::uint64_t elements =
      std::accumulate(extent.begin(), extent.end(), std::uint64_t{1}, std::multiplies<>());
  array.bytes = pattern(elements, elements * element_bytes);
  return array;
}

/// Whether a view shows this hyperslab of that array, and describes itself correctly.
[[nodiscard]] inline ::testing::AssertionResult shows(const ObjectView& view, const ArraySample& array,
                                                      const Hyperslab& slab) {
  const ObjectFacts facts = view.facts();
  if (!std::ranges::equal(view.bytes(), packed(array, slab))) {
    return ::testing::AssertionFailure() << "other bytes: " << slab;
  }
  if (facts.extents != slab.count || facts.size_bytes != array.bytes.size() || !facts.whole ||
      facts.element_bytes != array.element_bytes || facts.type_name != "element[]") {
    return ::testing::AssertionFailure() << "other metadata: " << slab;
  }
  return ::testing::AssertionSuccess();
}

/// Invalid hyperslabs of an array with these two extents, both at least 4.
[[nodiscard]] inline std::vector<Hyperslab> wrong_hyperslabs(std::uint64_t rows, std::uint64_t columns) {
  constexpr std::uint64_t most = ~std::uint64_t{0};
  constexpr std::uint64_t half = std::uint64_t{1} << 63U;
  return {{.start = {rows + 1, 0}, .count = {0, 1}},
          {.start = {0, columns + 1}, .count = {1, 0}},
          {.start = {0, 0}, .count = {0, columns + 1}},
          {.start = {rows, 0}, .count = {1, 0}},
          {.start = {0, 0}, .count = {0, 0}, .stride = {1, 0}},
          {.start = {most, most}, .count = {0, 0}},
          {.start = {0, 0}, .count = {rows + 1, 1}},
          {.start = {0, 0}, .count = {1, columns + 1}},
          {.start = {rows, 0}, .count = {1, 1}},
          {.start = {0, columns}, .count = {1, 1}},
          {.start = {1, 0}, .count = {rows, 1}},
          {.start = {0, 1}, .count = {1, columns}},
          {.start = {0, 0}, .count = {2, 1}, .stride = {rows, 1}},
          {.start = {0, 0}, .count = {1, 2}, .stride = {1, columns}},
          {.start = {0, 0}, .count = {1, 1}, .stride = {0, 1}},
          {.start = {0, 0}, .count = {2, 2}, .stride = {1, 0}},
          {.start = {0, 0}, .count = {2, 2}, .stride = {most, 1}},
          {.start = {0, 1}, .count = {2, 2}, .stride = {1, most}},
          {.start = {most, 0}, .count = {1, 1}},
          {.start = {0, most}, .count = {1, 1}},
          {.start = {-1, 0}, .count = {2, 1}},
          {.start = {0, 0}, .count = {most, 1}},
          {.start = {0, 0}, .count = {1, most}},
          {.start = {0, 0}, .count = {half, 2}},
          {.start = {0, 0}, .count = {std::uint64_t{1} << 32U, std::uint64_t{1} << 32U}},
          {.start = {1, 1}, .count = {most, most}, .stride = {most, most}},
          {.start = {0, 0}, .count = {3, 1}, .stride = {half, 1}},
          {.start = {0, 0}, .count = {5, 1}, .stride = {half / 2, 1}},
          {.start = {0}, .count = {1}},
          {.start = {0}, .count = {1, 1}},
          {.start = {0, 0}, .count = {1}},
          {.start = {0, 0}, .count = {1, 1}, .stride = {1}},
          {.start = {0, 0, 0}, .count = {1, 1, 1}},
          {.start = {0, 0}, .count = {1, 1}, .stride = {1, 1, 1}},
          {.start = {0, 0, 0, 0, 0, 0, 0, 0, 0}, .count = {1, 1, 1, 1, 1, 1, 1, 1}},
          {.start = Extents(), .count = {}}};
}

/// Hyperslabs of no elements of an array with these two extents, both at least 4.
[[nodiscard]] inline std::vector<Hyperslab> empty_hyperslabs(std::uint64_t rows, std::uint64_t columns) {
  return {{.start = {0, 0}, .count = {0, 0}},
          {.start = {0, 0}, .count = {0, columns}},
          {.start = {0, 0}, .count = {rows, 0}},
          {.start = {rows, 0}, .count = {0, 1}},
          {.start = {rows - 1, columns}, .count = {1, 0}},
          {.start = {rows, columns}, .count = {0, 0}, .stride = {7, 9}}};
}

}  // namespace locum::tests
