#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/files.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>
#include <locum/zarr.hpp>

/// \file
/// Groups of arrays of Zarr. Link `locum::serial` (no MPI) or `locum::locum`.
namespace locum {

namespace detail {
class ZarrGroupState;
}

/// How a group is opened.
struct ZarrGroupOpen {
  /// Whether what is below the group is found in its consolidated metadata, if it has some: one file says all
  /// of it, as it was when it was consolidated last. Else each array and group below is asked for its own.
  bool consolidated = false;
  std::string_view backend = {};  ///< as in LoadOptions
};

/// How a new group is made.
struct ZarrGroupLayout {
  Record attributes = {};         ///< members of any values
  int version = 3;                ///< of the format: 2 or 3; also of all below
  std::string_view backend = {};  ///< as in LoadOptions
};

/// What is directly below a group.
struct ZarrMember {
  enum class Kind : std::uint8_t { array, group };
  std::string name;
  Kind kind = Kind::array;

  friend bool operator==(const ZarrMember&, const ZarrMember&) = default;
};

/// A group of Zarr: a folder of arrays and groups, with attributes. `auto run = ZarrGroup::open(files,
/// "run17.zarr").value(); auto T = run.array("fields/T").value();` Names may be paths of names, with `/`
/// between them.
///
/// A cheap value; copies are the same group. Any thread may call; calls block while the file system does.
class ZarrGroup {
 public:
  /// Opens the group in a folder of these files. `not_found` if there is none; `invalid_argument` if it is an
  /// array; `corrupt`, `unsupported` name what its metadata say.
  [[nodiscard]] static Result<ZarrGroup> open(const Files& files, std::string_view path,
                                              const ZarrGroupOpen& options = {});
  /// Makes a group, in a folder that is made for it. `key_exists` if there is an array or a group;
  /// `invalid_argument` for another version, or attributes that are no members.
  [[nodiscard]] static Result<ZarrGroup> create(const Files& files, std::string_view path,
                                                const ZarrGroupLayout& layout = {});

  [[nodiscard]] int version() const noexcept;
  /// Returns the path of the group in its files.
  [[nodiscard]] const std::string& path() const noexcept;
  /// Returns whether what is below is found in the consolidated metadata of this group, or one above it.
  [[nodiscard]] bool is_consolidated() const noexcept;
  /// Returns the attributes as of the last open or set_attributes() by this value or its copies.
  [[nodiscard]] Record attributes() const;
  /// Replaces the attributes. One program at a time.
  [[nodiscard]] Result<void> set_attributes(const Record& attributes) const;

  /// Returns what is directly below the group, by name. Folders that are neither array nor group are left
  /// out.
  [[nodiscard]] Result<std::vector<ZarrMember>> list() const;
  /// Returns whether there is an array or a group of that name.
  [[nodiscard]] Result<bool> exists(std::string_view name) const;
  /// Opens an array below. The errors of ZarrArray::open().
  [[nodiscard]] Result<ZarrArray> array(std::string_view name) const;
  /// Opens a group below. The errors of open().
  [[nodiscard]] Result<ZarrGroup> group(std::string_view name) const;
  /// Makes an array below, of the version of the group whatever the layout says, and the groups above it
  /// where there are none. The errors of ZarrArray::create(); `invalid_argument` if an array is above it.
  /// Consolidated metadata do not have it until consolidate().
  [[nodiscard]] Result<ZarrArray> create_array(std::string_view name, ZarrLayout layout) const;
  /// Makes a group below, and those above it where there are none. The errors of create(); the same.
  [[nodiscard]] Result<ZarrGroup> create_group(std::string_view name, const Record& attributes = {}) const;

  /// Writes the metadata of all arrays and groups below into one file of this group, for programs that open
  /// it `consolidated`. It is not changed with them: call this when nobody makes or resizes arrays any more.
  /// One program at a time.
  [[nodiscard]] Result<void> consolidate() const;

  /// \cond library
  explicit ZarrGroup(std::shared_ptr<const detail::ZarrGroupState> state) : state_(std::move(state)) {}
  /// \endcond

 private:
  std::shared_ptr<const detail::ZarrGroupState> state_;
};

}  // namespace locum
