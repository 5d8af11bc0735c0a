#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <locum/detail/object/object.hpp>
#include <locum/key.hpp>
#include <locum/object_info.hpp>
#include <locum/result.hpp>

namespace locum {

/// An object whose type is known only at run time: its bytes as they are stored, in place, and its metadata.
/// Keeps the object pinned until the last copy is destroyed, as a View does. A cheap value; one thread at a
/// time may use one, different threads different copies.
class RawView {
 public:
  RawView() = default;
  /// Called by Store::get_raw().
  explicit RawView(ObjectView object) noexcept : object_(std::move(object)) {}

  /// Returns false if the view was default-constructed or moved from; it then has no bytes.
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(object_); }
  /// Returns the elements of an array, row-major; a flat value; of another value the output of its
  /// `serialize` or codec.
  [[nodiscard]] std::span<const std::byte> bytes() const& noexcept { return object_.bytes(); }
  /// The bytes of a temporary end with it, at the end of the expression: keep the view.
  [[nodiscard]] std::span<const std::byte> bytes() && = delete;
  [[nodiscard]] const Key& key() const noexcept { return object_.key(); }
  /// Returns type, extents, name and more; sends no message. `corrupt` if they were overwritten. REQUIRES:
  /// operator bool().
  [[nodiscard]] Result<ObjectInfo> info() const;

  /// \cond library
  [[nodiscard]] const ObjectView& object() const noexcept { return object_; }
  /// \endcond

 private:
  ObjectView object_;
};

}  // namespace locum
