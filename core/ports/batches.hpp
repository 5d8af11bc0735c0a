#pragma once

#include <cstdint>
#include <span>

#include <locum/deadline.hpp>
#include <locum/object/address.hpp>
#include <locum/object/object.hpp>
#include <locum/result.hpp>

namespace locum {

/// How much of each object of a batch is wanted.
enum class Wanting : std::uint8_t {
  all,
  facts,  ///< what it says of itself: as Source::get_some() of Facts
};

/// Small objects of another node that come together are aligned so. What needs more is asked for alone.
inline constexpr std::uint64_t batch_alignment = 64;

struct Sealed;

/// Where many objects are read or changed at a time. One that fails does not fail the others. Any thread may
/// call; what waits has a deadline.
class Batches {
 public:
  virtual ~Batches() = default;

  /// Source::get() or get_some() of each, with the errors of those: `found` in the order of `addresses`. What
  /// another node has is asked for in few messages: one for each node that is asked and each 256 objects, as
  /// long as they are small, and the large ones one by one, side by side. Small objects that came together
  /// stay in memory until the last view of any of them is gone. REQUIRES: as many of both; objects of types
  /// that need no more than batch_alignment.
  virtual void find_batch(std::span<const Address> addresses, Wanting wanting,
                          std::span<Result<ObjectView>> found, Deadline deadline) = 0;
  /// Sink::seal() of each draft, none of which replaces another object: `sealed` in their order. Names at
  /// home on other nodes are bound by one question for each node and each 256 names, or 256 KiB. Of a name
  /// that comes twice one is bound. REQUIRES: as many of both.
  virtual void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                          Deadline deadline) = 0;
  /// Sink::evict() of each: `evicted` in the order of `addresses`. The node of an object, or the home of its
  /// name, is asked once for each 256 of them; what has to be asked on from there, or from here of objects of
  /// this node and names at home here, is asked one by one, side by side. REQUIRES: as many of both.
  virtual void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                           Deadline deadline) = 0;
};

}  // namespace locum
