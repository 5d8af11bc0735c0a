#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace locum::storage {

/// Writes pickles of protocol 2, of the instructions that torch.load(weights_only=True) takes.
class PickleWriter {
 public:
  PickleWriter();

  void none();
  void boolean(bool value);
  void integer(std::int64_t value);
  void natural(std::uint64_t value);  ///< also of 2^63 and more
  void real(double value);
  /// REQUIRES: less than 4 GiB.
  void text(std::string_view value);
  void global(std::string_view module, std::string_view name);
  void instruction(std::uint8_t code) { bytes_.push_back(static_cast<char>(code)); }

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  /// Ends the pickle and returns it.
  [[nodiscard]] std::string finish() &&;

 private:
  void number(std::uint64_t value, std::size_t bytes);

  std::string bytes_;
};

}  // namespace locum::storage
