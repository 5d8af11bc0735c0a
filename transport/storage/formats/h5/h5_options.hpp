#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/record.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// What the options of `.h5` files ask for.
struct H5Options {
  bool has_dataset = false;
  std::string dataset;  ///< the path of the only dataset
  bool with_attributes = false;
  bool skips_others = false;
  bool is_sparse = false;
  bool half_as_f32 = false;
  unsigned compression = 0;           ///< level of deflate; 0: none
  std::vector<std::uint64_t> chunks;  ///< extents of a chunk; none: of any

  /// `invalid_argument` names the option whose value is wrong, and what it takes.
  [[nodiscard]] static Result<H5Options> of(const Record& options);
};

/// The member with the attributes of a group and of its datasets.
inline constexpr std::string_view h5_attributes_member = "@attributes";
/// The name of the group itself there: no member of a group has it.
inline constexpr std::string_view h5_own_attributes = ".";

}  // namespace locum::storage
