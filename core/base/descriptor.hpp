#pragma once

#include <utility>

namespace locum {

/// An open descriptor of a file, folder, socket or process, closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { (void)close(); }

  [[nodiscard]] bool is_open() const noexcept { return number_ >= 0; }
  [[nodiscard]] int number() const noexcept { return number_; }
  /// Leaves it to the caller.
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }
  /// Closes it now. Returns 0, or the error number: some file systems say here that bytes were not written.
  int close() noexcept;

 private:
  int number_ = -1;
};

}  // namespace locum
