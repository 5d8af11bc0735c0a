#pragma once

#include <span>

#include <locum/deadline.hpp>
#include <locum/detail/object/address.hpp>
#include <locum/detail/object/object.hpp>
#include <locum/ports/capability.hpp>
#include <locum/ports/wanting.hpp>
#include <locum/result.hpp>

namespace locum {

struct Sealed;

/// Reads or changes many objects per call. A failed one does not fail the others. Any thread may call; calls
/// that wait have a deadline.
class Batches : public Capability {
 public:
  /// Gets each object like Source::get() or get_some(), with their errors: `found` in the order of
  /// `addresses`. Objects of other nodes are requested in few messages: small ones in one per node and 256
  /// objects, large ones one by one, concurrently. Small objects of one reply stay in memory until the last
  /// view of any of them is destroyed. REQUIRES: as many `found` as `addresses`; objects of types that need
  /// at most batch_alignment.
  virtual void find_batch(std::span<const Address> addresses, Wanting wanting,
                          std::span<Result<ObjectView>> found, Deadline deadline) = 0;
  /// Seals each draft, none of which replaces another object, like Sink::seal(): `sealed` in the order of the
  /// drafts. Names at home on other nodes are bound by one request for each node and each 256 names, or 256
  /// KiB. If a name is repeated, one of its objects is bound. REQUIRES: as many `sealed` as drafts.
  virtual void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                          Deadline deadline) = 0;
  /// Evicts each object like Sink::evict(): `evicted` in the order of `addresses`. One request for each 256
  /// of them goes to the node of the objects, or to the home of their names; follow-up requests, from there
  /// or from this node for its own objects and names, go one by one, concurrently. REQUIRES: as many
  /// `evicted` as `addresses`.
  virtual void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                           Deadline deadline) = 0;
};

}  // namespace locum
