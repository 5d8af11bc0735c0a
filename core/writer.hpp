#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <locum/async_result.hpp>
#include <locum/detail/object/object.hpp>
#include <locum/detail/open_store.hpp>
#include <locum/flat.hpp>

namespace locum {

namespace detail {

/// The only owner of an unsealed draft: frees its memory unless it was released for sealing.
class OwnedDraft {
 public:
  OwnedDraft(std::shared_ptr<OpenStore> store, const ObjectDraft& draft) noexcept
      : store_(std::move(store)), draft_(draft) {}
  OwnedDraft(OwnedDraft&& other) noexcept = default;
  OwnedDraft& operator=(OwnedDraft&& other) noexcept;
  ~OwnedDraft() {
    if (store_) {
      discard(*store_->session, draft_);
    }
  }

  [[nodiscard]] bool owns() const noexcept { return store_ != nullptr; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return draft_.bytes; }
  [[nodiscard]] const ObjectDraft& draft() const noexcept { return draft_; }
  /// Returns the store of the draft, which the caller must then seal or discard.
  [[nodiscard]] std::shared_ptr<OpenStore> release() noexcept { return std::move(store_); }

 private:
  std::shared_ptr<OpenStore> store_;
  ObjectDraft draft_;
};

/// Returns the error of a call that stores. REQUIRES: the session was closed or the store dropped.
[[nodiscard]] Error closed_error(const OpenStore& store);

/// Publishes the draft and counts it as written in place.
[[nodiscard]] Result<Key> seal_writer(OwnedDraft& draft, std::string_view name, Deadline deadline,
                                      const SealOptions& options = {});

/// A draft that is written in place, and its seal: the part of a Writer that does not depend on its type.
class OpenWriter {
 public:
  /// Returns the extents given to create: slowest dimension first, row-major.
  [[nodiscard]] const Extents& extents() const noexcept { return extents_; }

  /// Publishes the object without copying. The memory must not be written from then on. `key_exists` if the
  /// name was taken meanwhile; the object is then discarded. `invalid_argument` the second time.
  [[nodiscard]] Result<Key> seal(Deadline deadline = {});
  /// Publishes the object as Store::replace() does: in place of what the name is bound to, if it is. `stale`
  /// if `expected_generation` is not 0 and not that of the name; `invalid_argument` for an object without a
  /// name.
  [[nodiscard]] Result<Key> replace(Deadline deadline = {}, std::uint64_t expected_generation = 0);
  /// Starts an asynchronous seal(), like Store::put_async(): only binding the name at its home node may
  /// remain to be done. The memory must not be written from this call on.
  [[nodiscard]] AsyncResult<Key> seal_async(Deadline deadline = {});

 protected:
  OpenWriter(OwnedDraft draft, const Extents& extents, std::string name)
      : draft_(std::move(draft)), extents_(extents), name_(std::move(name)) {}

  [[nodiscard]] const OwnedDraft& draft() const noexcept { return draft_; }

 private:
  OwnedDraft draft_;
  Extents extents_;
  std::string name_;
};

}  // namespace detail

/// Memory of a new object: write through data(), then seal(). Until then no other process sees it; a writer
/// destroyed unsealed leaves nothing. The memory is not cleared. Movable, owned by one thread at a time.
template <Flat T>
class Writer : public detail::OpenWriter {
 public:
  /// Made by Store::create.
  Writer(detail::OwnedDraft draft, const Extents& extents, std::string name)
      : OpenWriter(std::move(draft), extents, std::move(name)) {}

  /// Returns the memory; null once sealed.
  [[nodiscard]] T* data() const noexcept {
    return draft().owns() ? reinterpret_cast<T*>(draft().bytes().data()) : nullptr;
  }
  /// Returns the number of elements; 0 once sealed.
  [[nodiscard]] std::size_t size() const noexcept {
    return draft().owns() ? draft().bytes().size() / sizeof(T) : 0;
  }
  [[nodiscard]] std::span<T> span() const noexcept { return {data(), size()}; }
  [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data()[index]; }
  [[nodiscard]] auto begin() const noexcept { return span().begin(); }
  [[nodiscard]] auto end() const noexcept { return span().end(); }
};

}  // namespace locum
