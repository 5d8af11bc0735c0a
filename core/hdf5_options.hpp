#pragma once

#include <string_view>

#include <locum/deadline.hpp>
#include <locum/hyperslab.hpp>

/// \file
/// Options of Runtime::proxy_from_hdf5.
namespace locum {

/// Options of Runtime::proxy_from_hdf5.
struct Hdf5Options {
  /// Box of the dataset, with strides if needed (see Hyperslab), with the extents of the object; none: all.
  Hyperslab slab = {};
  /// The name of the store that the object belongs to.
  std::string_view store = "hdf5";
  /// Deadline of messages to other nodes, if the store, or the object's name, has its home there.
  TimeLimit deadline = {};
};

}  // namespace locum
