#pragma once

#include <array>
#include <map>
#include <optional>

#include "core/format.hpp"
#include "transport/storage/formats/h5/h5_driver.hpp"

namespace locum::storage {

/// A file that HDF5 writes. All is written at once; of what is no element of a dataset, or belongs to texts,
/// there is a copy in memory as well, for HDF5 reads it again. What cannot be written is told at the end, so
/// that HDF5 closes the file as any.
class H5Output final : public H5Medium {
 public:
  explicit H5Output(FileDraft& draft) : draft_(draft) {}

  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return draft_.size_bytes(); }
  [[nodiscard]] bool read(H5FD_mem_t kind, std::uint64_t offset, std::span<std::byte> into) noexcept override;
  [[nodiscard]] bool write(H5FD_mem_t kind, std::uint64_t offset,
                           std::span<const std::byte> bytes) noexcept override;
  [[nodiscard]] bool extend(std::uint64_t size_bytes) noexcept override;

  /// Keeps copies of the elements that HDF5 writes from now on, too, or no longer.
  void keep_elements(bool keeps) noexcept { keeps_elements_ = keeps; }
  /// Writes elements where HDF5 has made room for them.
  void put(std::uint64_t offset, std::span<const std::byte> bytes);
  /// Returns why the file could not be written; nothing if it could.
  [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }

 private:
  static constexpr std::uint64_t page_bytes = 4096;
  using Page = std::array<std::byte, page_bytes>;

  void keep(std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> put_now(std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> fill_up_to(std::uint64_t size_bytes);

  FileDraft& draft_;
  std::map<std::uint64_t, Page> pages_;  ///< by their numbers
  bool keeps_elements_ = false;
  std::optional<Error> failure_;
};

}  // namespace locum::storage
