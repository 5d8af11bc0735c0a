#pragma once

#include <cstddef>
#include <cstdlib>
#include <type_traits>

namespace locum::fortran {

/// Memory for `count` values, zeroed. Without the C++ library, which programs in Fortran are not linked with.
template <class Value>
class Memory {
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  explicit Memory(std::size_t count) noexcept
      : values_(static_cast<Value*>(std::calloc(count == 0 ? 1 : count, sizeof(Value)))) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { std::free(values_); }
  /// Returns whether there was none.
  [[nodiscard]] bool is_lost() const noexcept { return values_ == nullptr; }
  [[nodiscard]] Value* data() const noexcept { return values_; }
  Value& operator[](std::size_t at) const noexcept { return values_[at]; }

 private:
  Value* values_;
};

}  // namespace locum::fortran
