#pragma once

#include <cstdint>

namespace locum {

/// Which generation a `replace` wants to change.
struct ReplaceOptions {
  /// The change is made only if this generation is the live one: `stale` if another is, `not_found` if none.
  /// 0: whatever is live, or nothing.
  std::uint64_t expected_generation = 0;
};

}  // namespace locum
