#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <locum/error.hpp>

namespace locum {

namespace detail {
/// Returns the error of a result that has a value.
[[nodiscard, gnu::cold]] const Error& no_error() noexcept;
}  // namespace detail

/// A value or an `Error`, with the member names of `std::expected`, which will replace it once all supported
/// compilers have it. Used on the data path, where an error is an ordinary result. value() throws the error.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  template <class U = T>
    requires(std::is_constructible_v<T, U &&> && !std::is_base_of_v<Result, std::remove_cvref_t<U>> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error>)
  Result(U&& value) : value_(std::forward<U>(value)), has_value_(true) {}
  Result(Error error) noexcept : error_(std::move(error)), has_value_(false) {}
  /// Constructs the value in place, without a move.
  template <class... Args>
  explicit Result(std::in_place_t, Args&&... args) : value_(std::forward<Args>(args)...), has_value_(true) {}

  Result(const Result& other)
    requires std::is_copy_constructible_v<T>
      : has_value_(other.has_value_) {
    if (has_value_) {
      std::construct_at(std::addressof(value_), other.value_);
    } else {
      std::construct_at(&error_, other.error_);
    }
  }
  Result(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
    requires std::is_move_constructible_v<T>
      : has_value_(other.has_value_) {
    if (has_value_) {
      std::construct_at(std::addressof(value_), std::move(other.value_));
    } else {
      std::construct_at(&error_, std::move(other.error_));
    }
  }
  Result& operator=(const Result& other)
    requires std::is_copy_constructible_v<T>
  {
    return *this = Result(other);
  }
  /// If the move of the value throws, this result has an error.
  Result& operator=(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
    requires std::is_move_constructible_v<T>
  {
    if (this == &other) {
      return *this;
    }
    Result moved(std::move(other));  // the other one may be part of the value that ends here
    if constexpr (std::is_move_assignable_v<T>) {
      if (has_value_ && moved.has_value_) {
        value_ = std::move(moved.value_);
        return *this;
      }
    }
    end();
    if (moved.has_value_) {
      become(std::move(moved.value_));
    } else {
      has_value_ = false;
      std::construct_at(&error_, std::move(moved.error_));
    }
    return *this;
  }
  ~Result() { end(); }

  [[nodiscard]] bool has_value() const noexcept { return has_value_; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Returns the value; throws the error if there is none.
  [[nodiscard]] T& value() & { return checked(), value_; }
  [[nodiscard]] const T& value() const& { return checked(), value_; }
  T value() && { return checked(), std::move(value_); }

  /// REQUIRES: has_value(). Without a value these are null, as of a null pointer.
  [[nodiscard]] T& operator*() & noexcept { return *operator->(); }
  [[nodiscard]] const T& operator*() const& noexcept { return *operator->(); }
  /// Returns by value: the range of a range-for, for example, outlives the result. Where a move counts, use
  /// `std::move(*result)`.
  [[nodiscard]] T operator*() && noexcept(std::is_nothrow_move_constructible_v<T>) {
    return std::move(*operator->());
  }
  [[nodiscard]] T* operator->() noexcept { return has_value_ ? std::addressof(value_) : nullptr; }
  [[nodiscard]] const T* operator->() const noexcept { return has_value_ ? std::addressof(value_) : nullptr; }

  /// Returns the error; for a result that has a value, an Error `invalid_argument` that reports this.
  [[nodiscard]] const Error& error() const noexcept { return has_value_ ? detail::no_error() : error_; }

  template <class U>
  [[nodiscard]] T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }

 private:
  void checked() const {
    if (!has_value()) {
      throw error();
    }
  }

  // REQUIRES: end() was called.
  void become(T&& value) noexcept(std::is_nothrow_move_constructible_v<T>) {
    if constexpr (std::is_nothrow_move_constructible_v<T>) {
      std::construct_at(std::addressof(value_), std::move(value));
    } else {
      try {
        std::construct_at(std::addressof(value_), std::move(value));
      } catch (...) {
        has_value_ = false;
        std::construct_at(&error_, detail::no_error());
        throw;
      }
    }
    has_value_ = true;
  }
  void end() noexcept {
    if (has_value_) {
      std::destroy_at(std::addressof(value_));
    } else {
      std::destroy_at(&error_);
    }
  }

  // Not a std::variant, which costs programs more to compile than all else in this header.
  union {
    T value_;      // NOLINT(readability-identifier-naming): private, which the check does not see in a union
    Error error_;  // NOLINT(readability-identifier-naming)
  };
  bool has_value_;
};

/// Success without a value, or an `Error`.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) noexcept : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (!has_value()) {
      throw error();
    }
  }
  [[nodiscard]] const Error& error() const noexcept { return error_ ? *error_ : detail::no_error(); }

 private:
  std::optional<Error> error_;
};

}  // namespace locum
