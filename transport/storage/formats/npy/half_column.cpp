#include "transport/storage/formats/npy/half_column.hpp"

#include <cstring>
#include <utility>

namespace locum::storage {

namespace {

/// Fills a column of `f32`.
class HalfColumn final : public NpyColumn {
 public:
  HalfColumn(std::unique_ptr<NpyArrayColumn> floats, bool is_swapped)
      : floats_(std::move(floats)), is_swapped_(is_swapped) {}

  [[nodiscard]] Result<void> take(const std::byte* first, std::uint64_t stride,
                                  std::uint64_t count) override {
    std::byte* const memory = floats_->memory().data();
    for (std::uint64_t done = 0; done < count; ++done, first += stride, ++taken_) {
      std::uint16_t half;
      std::memcpy(&half, first, sizeof half);
      const std::uint32_t bits = float_bits_of_half(is_swapped_ ? __builtin_bswap16(half) : half);
      std::memcpy(memory + taken_ * sizeof bits, &bits, sizeof bits);
    }
    return {};
  }
  [[nodiscard]] Result<Record> finish() override { return floats_->finish(); }

 private:
  std::unique_ptr<NpyArrayColumn> floats_;
  bool is_swapped_;
  std::uint64_t taken_ = 0;
};

}  // namespace

Result<std::unique_ptr<NpyColumn>> make_half_column(const NpyType& type, const NpyShape& shape,
                                                    const MakeArray& make) {
  auto floats = NpyArrayColumn::make(type, ElementType::of<float>(), shape, make);
  if (!floats) {
    return floats.error();
  }
  return Result<std::unique_ptr<NpyColumn>>(
      std::make_unique<HalfColumn>(std::move(*floats), type.is_swapped));
}

}  // namespace locum::storage
