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

#include <locum/async/eventual.hpp>
#include <locum/object/flat.hpp>
#include <locum/object/object.hpp>
#include <locum/session.hpp>

namespace locum {

namespace detail {

/// The only owner of an unsealed draft: gives its memory back unless it was released for sealing.
class OwnedDraft {
 public:
  OwnedDraft(std::shared_ptr<OpenStore> store, const ObjectDraft& draft) noexcept
      : store_(std::move(store)), draft_(draft) {}
  OwnedDraft(OwnedDraft&& other) noexcept = default;
  OwnedDraft& operator=(OwnedDraft&& other) noexcept {
    std::swap(store_, other.store_);
    std::swap(draft_, other.draft_);
    return *this;
  }
  ~OwnedDraft() {
    if (store_) {
      store_->session->discard(draft_);
    }
  }

  [[nodiscard]] bool owns() const noexcept { return store_ != nullptr; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return draft_.bytes; }
  [[nodiscard]] const ObjectDraft& draft() const noexcept { return draft_; }
  /// The store that it was made in; the draft is the caller's to seal or discard from now on.
  [[nodiscard]] std::shared_ptr<OpenStore> release() noexcept { return std::move(store_); }

 private:
  std::shared_ptr<OpenStore> store_;
  ObjectDraft draft_;
};

/// Why nothing more can be stored here. REQUIRES: the session was closed or the store dropped.
[[nodiscard]] Error closed_error(const OpenStore& store);

/// Publishes the draft and counts it as written in place.
[[nodiscard]] Result<Key> seal_writer(OwnedDraft& draft, std::string_view name, Deadline deadline);
/// The same, begun.
[[nodiscard]] Eventual<Key> begin_seal_writer(OwnedDraft& draft, std::string_view name, Deadline deadline);

}  // namespace detail

/// Memory of the store that is being filled: write through data(), then seal(). Until then nobody sees it; a
/// writer that is destroyed unsealed leaves nothing. Fresh memory holds whatever was there before. Movable,
/// owned by one thread at a time.
template <Flat T>
class Writer {
 public:
  /// Made by Store::create.
  Writer(detail::OwnedDraft draft, const Extents& extents, std::string name)
      : draft_(std::move(draft)), extents_(extents), name_(std::move(name)) {}

  /// Null once sealed.
  [[nodiscard]] T* data() const noexcept {
    return draft_.owns() ? reinterpret_cast<T*>(draft_.bytes().data()) : nullptr;
  }
  /// Number of elements; 0 once sealed.
  [[nodiscard]] std::size_t size() const noexcept {
    return draft_.owns() ? draft_.bytes().size() / sizeof(T) : 0;
  }
  [[nodiscard]] std::span<T> span() const noexcept { return {data(), size()}; }
  [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data()[index]; }
  [[nodiscard]] auto begin() const noexcept { return span().begin(); }
  [[nodiscard]] auto end() const noexcept { return span().end(); }
  /// As given to create: slowest dimension first, row-major.
  [[nodiscard]] const Extents& extents() const noexcept { return extents_; }

  /// Publishes the object; nothing is copied. The memory may not be written from then on. `key_exists` if the
  /// name was taken meanwhile, and nothing is left of the object; `invalid_argument` the second time.
  [[nodiscard]] Result<Key> seal(Deadline deadline = {}) {
    return detail::seal_writer(draft_, name_, deadline);
  }
  /// seal(), begun, as Store::put_async() is: only the name is still to be given, by the node that it is at
  /// home on. The memory may not be written from this call on.
  [[nodiscard]] Eventual<Key> seal_async(Deadline deadline = {}) {
    return detail::begin_seal_writer(draft_, name_, deadline);
  }

 private:
  detail::OwnedDraft draft_;
  Extents extents_;
  std::string name_;
};

}  // namespace locum
