#pragma once

#include <string>
#include <vector>

#include <locum/result.hpp>
#include <locum/zarr_group.hpp>

/// \file
/// Images at several resolutions, as programs for microscopy exchange them: OME-NGFF (OME-Zarr), version 0.4
/// in groups of version 2 of Zarr, 0.5 in those of version 3. Link `locum::serial` (no MPI) or
/// `locum::locum`.
namespace locum::ome {

/// A dimension of an image.
struct Axis {
  std::string name;
  std::string type = {};  ///< `space`, `time`, `channel` or another word; empty: not said
  std::string unit = {};  ///< `micrometer`, `second`; empty: not said
};

/// An image at one resolution: an array of the group.
struct Level {
  std::string path;           ///< of the array, below the group
  std::vector<double> scale;  ///< size of an element along each axis, in the unit of the axis
  /// Where the first element is, along each axis. None: at 0, when it is written; else all are set.
  std::vector<double> translation = {};
};

/// One image at several resolutions.
struct Multiscale {
  std::string name = {};           ///< maybe none
  std::string method = {};         ///< how the smaller images were made: `gaussian`; maybe none
  std::vector<Axis> axes = {};     ///< the slowest dimension first
  std::vector<Level> levels = {};  ///< the finest first
};

/// Returns the images that the attributes of a group describe, with the transformations of all levels of one
/// image in those of each. Reads no array. `not_found` if they describe none; `corrupt` names the member that
/// is wrong; `unsupported` for other versions, and for transformations in files of their own.
[[nodiscard]] Result<std::vector<Multiscale>> multiscales(const ZarrGroup& group);
/// Writes what describes an image into the attributes of its group, in place of what describes others there;
/// other attributes stay. Its arrays have to be there. `invalid_argument` if the image breaks a rule: 2 to 5
/// axes of different names, of which 2 or 3 are of space, behind those of time and others; levels with as
/// many dimensions, and positive scales, from the finest on; in version 3 the names of the axes as those of
/// the dimensions. `not_found` if an array is missing; the errors of ZarrGroup::set_attributes().
[[nodiscard]] Result<void> set_multiscale(const ZarrGroup& group, const Multiscale& image);

}  // namespace locum::ome
