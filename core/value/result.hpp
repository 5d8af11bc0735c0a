#pragma once

#include <type_traits>
#include <utility>
#include <variant>

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
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  /// Constructs the value in place, without a move.
  template <class... Args>
  explicit Result(std::in_place_t, Args&&... args)
      : state_(std::in_place_index<0>, std::forward<Args>(args)...) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Returns the value; throws the error if there is none.
  [[nodiscard]] T& value() & { return checked(), *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const& { return checked(), *std::get_if<0>(&state_); }
  T value() && { return checked(), std::move(*std::get_if<0>(&state_)); }

  /// REQUIRES: has_value().
  [[nodiscard]] T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  /// Returns by value: the range of a range-for, for example, outlives the result. Where a move counts, use
  /// `std::move(*result)`.
  [[nodiscard]] T operator*() && noexcept(std::is_nothrow_move_constructible_v<T>) {
    return std::move(*std::get_if<0>(&state_));
  }
  [[nodiscard]] T* operator->() noexcept { return std::get_if<0>(&state_); }
  [[nodiscard]] const T* operator->() const noexcept { return std::get_if<0>(&state_); }

  /// Returns the error; for a result that has a value, an Error `invalid_argument` that reports this.
  [[nodiscard]] const Error& error() const noexcept {
    return has_value() ? detail::no_error() : *std::get_if<1>(&state_);
  }

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

  std::variant<T, Error> state_;
};

/// Success without a value, or an `Error`.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return error_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (!has_value()) {
      throw error();
    }
  }
  [[nodiscard]] const Error& error() const noexcept {
    return has_value() ? detail::no_error() : *std::get_if<1>(&error_);
  }

 private:
  std::variant<std::monostate, Error> error_;
};

}  // namespace locum
