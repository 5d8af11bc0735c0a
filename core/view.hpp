#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include <locum/detail/object/object.hpp>
#include <locum/element_type.hpp>
#include <locum/flat.hpp>
#include <locum/path.hpp>
#include <locum/strided_array.hpp>

namespace locum {

namespace detail {

/// Makes the compiler explain why a reference into an object cannot be taken from a temporary view.
template <class T>
constexpr void refuse_of_temporary() {
  static_assert(
      sizeof(T*) == 0,
      "locum: this refers to elements that end with the view, at the end of this expression: keep the "
      "view, `auto view = store.get<T[]>(id).value();`, and use that");
}

}  // namespace detail

/// The result of `get`; behaves like a `const T*`. A view of a flat type points at the object itself and
/// keeps it pinned, in place and unchanged, until the view is destroyed: also after an eviction, and after
/// the end of the runtime. A view of any other type shares ownership of a decoded value, which pins only the
/// objects of resolved stand-ins inside it. Copies are cheap. One thread at a time may use one view;
/// different threads may use different copies.
template <class T>
class View {
 public:
  using element_type = const T;

  View() = default;
  /// Makes a view of a value in place. REQUIRES: `value` lies within the object's bytes.
  View(ObjectView&& object, const T* value) noexcept
      : key_(object.key()), value_(value), object_(std::move(object)) {}
  /// Makes a view of a decoded value.
  View(const Key& key, std::shared_ptr<const T> value) noexcept
      : key_(key), value_(value.get()), owned_(std::move(value)) {}
  View(const View& other) = default;
  View(View&& other) noexcept
      : key_(other.key_),
        value_(std::exchange(other.value_, nullptr)),
        object_(std::move(other.object_)),
        owned_(std::move(other.owned_)) {}
  View& operator=(View other) noexcept {
    std::swap(key_, other.key_);
    std::swap(value_, other.value_);
    std::swap(object_, other.object_);
    std::swap(owned_, other.owned_);
    return *this;
  }
  ~View() = default;

  /// Returns false if the view was default-constructed or moved from.
  [[nodiscard]] explicit operator bool() const noexcept { return value_ != nullptr; }
  [[nodiscard]] const T& operator*() const& noexcept { return *value_; }
  /// Overload for a temporary view: returns a copy of a flat value. The compiler rejects other types.
  [[nodiscard]] std::conditional_t<std::is_array_v<T>, const T&, T> operator*() const&& {
    static_assert(
        Flat<T>,
        "locum: this value ends with the view that shows it, at the end of this expression: keep the "
        "view, `auto view = store.get<T>(id).value();`, and use `*view`, or `->` within the expression");
    return *value_;
  }
  [[nodiscard]] const T* operator->() const noexcept { return value_; }
  [[nodiscard]] const T* get() const& noexcept { return value_; }
  [[nodiscard]] const T* get() const&& noexcept {
    detail::refuse_of_temporary<T>();
    return value_;
  }
  /// Returns the key of the object.
  [[nodiscard]] const Key& key() const noexcept { return key_; }

 private:
  Key key_;
  const T* value_ = nullptr;
  ObjectView object_;
  std::shared_ptr<const T> owned_;
};

/// A view of an array object: a pinned `std::span<const T>` over all elements, row-major, with extents.
template <class T>
class View<T[]> {
 public:
  using element_type = const T;
  using value_type = T;
  using iterator = typename std::span<const T>::iterator;

  View() = default;
  /// REQUIRES: the object's bytes are elements of type T.
  explicit View(ObjectView&& object) noexcept
      : elements_(reinterpret_cast<const T*>(object.bytes().data()), object.bytes().size() / sizeof(T)),
        object_(std::move(object)) {}
  View(const View& other) = default;
  View(View&& other) noexcept
      : elements_(std::exchange(other.elements_, {})), object_(std::move(other.object_)) {}
  View& operator=(View other) noexcept {
    std::swap(elements_, other.elements_);
    std::swap(object_, other.object_);
    return *this;
  }
  ~View() = default;

  /// Returns false if the view was default-constructed or moved from; it then has no elements.
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(object_); }
  [[nodiscard]] std::span<const T> operator*() const& noexcept { return elements_; }
  [[nodiscard]] const std::span<const T>* operator->() const noexcept { return &elements_; }
  [[nodiscard]] std::span<const T> span() const& noexcept { return elements_; }
  operator std::span<const T>() const& noexcept { return elements_; }
  [[nodiscard]] const T* data() const& noexcept { return elements_.data(); }

  // References into a temporary view are rejected at compile time, except in `std::span s(temporary)`: there
  // C++ takes the temporary for a range.
  [[nodiscard]] std::span<const T> operator*() && { return detail::refuse_of_temporary<T>(), elements_; }
  [[nodiscard]] std::span<const T> span() && { return detail::refuse_of_temporary<T>(), elements_; }
  operator std::span<const T>() && { return detail::refuse_of_temporary<T>(), elements_; }
  [[nodiscard]] const T* data() && { return detail::refuse_of_temporary<T>(), elements_.data(); }

  [[nodiscard]] std::size_t size() const noexcept { return elements_.size(); }
  [[nodiscard]] std::size_t size_bytes() const noexcept { return elements_.size_bytes(); }
  [[nodiscard]] bool empty() const noexcept { return elements_.empty(); }
  [[nodiscard]] auto begin() const noexcept { return elements_.begin(); }
  [[nodiscard]] auto end() const noexcept { return elements_.end(); }
  /// REQUIRES: index < size().
  [[nodiscard]] const T& operator[](std::size_t index) const& noexcept { return elements_[index]; }
  [[nodiscard]] T operator[](std::size_t index) && noexcept { return elements_[index]; }

  /// Returns the extents in elements: those given when the object was made; those of a hyperslab if one was
  /// read; one extent, the number of elements, if none were given, if they were overwritten, or for a part
  /// (unless it covers the whole array). An object that was put as `double[4][5]` and is read by its
  /// innermost elements has the extents 4 and 5. REQUIRES: operator bool().
  [[nodiscard]] Extents extents() const {
    const ObjectFacts facts = object_.facts();
    Extents extents = facts.whole ? detail::without_inner<T>(facts.extents) : Extents();
    if (!extents.has(size())) {
      extents.rank = 0;
    }
    if (extents.rank == 0) {
      extents.rank = 1;
      extents.values[0] = size();
    }
    return extents;
  }
  /// Returns the elements by indices: `const auto a = view.array(); a(i, j, k)`. Valid as long as the view or
  /// a copy of it. REQUIRES: operator bool().
  [[nodiscard]] StridedArray<const T> array() const& { return {elements_.data(), extents()}; }
  [[nodiscard]] StridedArray<const T> array() && {
    detail::refuse_of_temporary<T>();
    return {elements_.data(), extents()};
  }
  /// Returns the key of the object.
  [[nodiscard]] const Key& key() const noexcept { return object_.key(); }
  /// Returns how the elements reached this process.
  [[nodiscard]] Path path() const noexcept { return object_.path(); }

 private:
  std::span<const T> elements_;
  ObjectView object_;
};

/// Rejected at compile time: an array of arrays is read by elements of `std::array`.
template <class T, std::size_t N>
class View<T[][N]> {
  static_assert(sizeof(T*) == 0,
                "locum: read an array of arrays by elements of std::array: get<std::array<double, 3>[]>(id), "
                "not get<double[][3]>(id)");

 public:
  explicit View(ObjectView && object);
};

}  // namespace locum
