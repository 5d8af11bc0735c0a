#pragma once

#include "core/async_result.hpp"
#include "core/detail/async_steps.hpp"
#include "core/element_type.hpp"
#include "core/object/selection.hpp"
#include "core/store.hpp"

namespace locum::detail {

/// Calls of a store for objects without a name, by types that are known at run time: code that is no template
/// reads and stores through them. Any thread.
class ObjectCalls : private AsyncSteps {
 public:
  explicit ObjectCalls(const Store& store);

  using AsyncSteps::bytes_of;
  using AsyncSteps::decoded_how;
  using AsyncSteps::session;

  /// The object, or what is selected of it. Its type is not checked.
  [[nodiscard]] Result<ObjectView> get(const Key& key, const Result<Selection>& selection,
                                       Deadline deadline) const;
  /// The asynchronous get(); see Store::get_async().
  [[nodiscard]] AsyncResult<ObjectView> get_async(const Key& key, const Result<Selection>& selection,
                                                  Deadline deadline) const {
    return begin_object(may_read(key), address_of(key), selection, deadline);
  }
  /// What a slab of an array of that type selects; not given: all of it.
  [[nodiscard]] static Result<Selection> selection_of(const Hyperslab& slab, const ArrayType& type) {
    return AsyncSteps::selection_of({}, slab, type);
  }

  /// Memory for an array, to be sealed by seal_writer().
  [[nodiscard]] Result<OwnedDraft> create(const ArrayType& type, const Extents& extents, RoomPolicy when_full,
                                          Deadline deadline) const {
    return create_array({}, false, type, extents, when_full, StoredHow(deadline));
  }
  /// A stored value.
  struct Stored {
    Key key;
    std::uint64_t size_bytes = 0;
  };
  /// Stores the value that these steps write.
  [[nodiscard]] Result<Stored> put(const void* value, const WritingSteps& steps, RoomPolicy when_full,
                                   Deadline deadline) const;
  /// See Store::evict().
  void evict(const Key& key) const;
};

}  // namespace locum::detail
