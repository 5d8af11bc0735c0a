#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/record.hpp"
#include "transport/storage/formats/h5/h5_input.hpp"
#include "transport/storage/formats/h5/h5_options.hpp"
#include "transport/storage/formats/h5/h5_type.hpp"

namespace locum::storage {

/// What is known of a dataset before its elements are read.
struct H5Dataset {
  std::string path;
  H5Type type;
  std::vector<std::uint64_t> extents;   ///< without those of one element
  std::uint64_t elements = 0;           ///< product of the extents; 0 where there are none at all
  std::optional<std::uint64_t> offset;  ///< where the elements lie one after the other; nothing: elsewhere
  std::uint64_t chunk_rows = 1;         ///< rows that HDF5 reads at once
  bool is_unwritten = false;            ///< of texts: all are empty

  /// Returns the extents of the array that it becomes.
  [[nodiscard]] std::vector<std::uint64_t> whole_extents() const {
    std::vector<std::uint64_t> whole = extents;
    whole.insert(whole.end(), type.inner.begin(), type.inner.end());
    return whole;
  }
};

/// A group or a dataset.
struct H5Node {
  std::string name;
  std::optional<H5Dataset> dataset;  ///< nothing: a group
  std::vector<H5Node> members;       ///< of a group
  Record attributes;                 ///< null: none are asked for, or there are none
  std::string refusal;               ///< for info: why it is no value
};

/// What a file that is not trusted may take: each byte of it stands for so much memory at most.
class H5Budget {
 public:
  H5Budget(std::uint64_t file_bytes, bool is_sparse);

  /// Counts memory for so many values. Throws Error `corrupt` if there is too little in the file for them.
  void take_memory(std::uint64_t count, std::uint64_t bytes_of_each);
  /// Counts a link to an object, or an attribute. Throws Error `corrupt` if there are more than bytes in the
  /// file.
  void take_link();
  [[nodiscard]] bool has_link() const noexcept { return links_ > 0; }

 private:
  std::uint64_t memory_;
  std::uint64_t links_;
};

/// Finds the groups and datasets of a file.
class H5Tree {
 public:
  /// \param is_info whether what is no value is described, too, and memory does not matter
  H5Tree(const H5File& file, const H5Options& options, bool is_info, H5Budget& budget)
      : file_(file), options_(options), is_info_(is_info), budget_(budget) {}

  /// Returns the root. Throws Error: `unsupported` names what is no value; `corrupt`; `system` for what HDF5
  /// says. Takes a turn.
  [[nodiscard]] H5Node root();
  /// Returns the dataset of the options. Throws the same, and Error `not_found`, `type_mismatch` (a group).
  [[nodiscard]] H5Node only();

 private:
  struct Opened {
    Identifier object;
    H5I_type_t type = H5I_BADID;
  };

  void add_members(H5Node& node, const Identifier& group, const std::string& path);
  [[nodiscard]] H5Node member(const Identifier& group, const std::string& name, const std::string& path);
  [[nodiscard]] Opened open(const Identifier& group, const std::string& name) const;
  [[nodiscard]] H5Dataset dataset(const Identifier& id, const std::string& path);
  void add_attributes(H5Node& node, const Identifier& object);

  const H5File& file_;
  const H5Options& options_;
  const bool is_info_;
  H5Budget& budget_;
  std::vector<std::string> groups_;  ///< identities of those around the one that is looked at
};

/// Returns the product of extents, and of a factor. Throws Error `corrupt` if it is none of a file.
[[nodiscard]] std::uint64_t h5_product(const std::vector<std::uint64_t>& extents, std::uint64_t factor);
/// Throws Error `corrupt` unless a dataset still has these extents. REQUIRES: a turn.
void require_h5_shape(const Identifier& dataset, const H5Dataset& expected);

}  // namespace locum::storage
