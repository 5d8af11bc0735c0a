#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <locum/format.hpp>

namespace locum {

/// A file that is memory, for tests of formats. Its bytes begin at an address that is aligned to 64, and end
/// with their allocation: a sanitizer sees each read beyond them. Counts what is read.
class MemoryFile final : public FileBytes {
 public:
  explicit MemoryFile(std::span<const std::byte> bytes, bool is_mapped = false)
      : size_(bytes.size()),
        memory_(static_cast<std::byte*>(::operator new(bytes.size(), alignment)),
                [](std::byte* memory) { ::operator delete(memory, alignment); }),
        is_mapped_(is_mapped) {
    std::ranges::copy(bytes, memory_.get());
  }
  explicit MemoryFile(const std::vector<std::byte>& bytes, bool is_mapped = false)
      : MemoryFile(std::span(bytes), is_mapped) {}
  explicit MemoryFile(std::string_view text, bool is_mapped = false)
      : MemoryFile(std::as_bytes(std::span(text)), is_mapped) {}

  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return size_; }
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset > size_ || into.size() > size_ - offset) {
      return Error(Errc::corrupt, "the file ends at byte " + std::to_string(size_) + ", before byte " +
                                      std::to_string(offset + into.size()));
    }
    std::ranges::copy(bytes().subspan(offset, into.size()), into.begin());
    ++reads_;
    bytes_read_ += into.size();
    return {};
  }
  [[nodiscard]] Result<InPlace> in_place() override { return InPlace{memory_, bytes()}; }
  [[nodiscard]] bool is_mapped() const noexcept override { return is_mapped_; }
  [[nodiscard]] const std::string& path() const noexcept override { return path_; }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {memory_.get(), size_}; }
  /// Returns how many calls of read() there were, and how many bytes these read.
  [[nodiscard]] std::uint64_t reads() const noexcept { return reads_; }
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }

 private:
  static constexpr std::align_val_t alignment{64};

  std::size_t size_;
  std::shared_ptr<std::byte> memory_;
  bool is_mapped_;
  std::string path_;
  std::uint64_t reads_ = 0;
  std::uint64_t bytes_read_ = 0;
};

/// A file in memory that is being saved, for tests of formats. Refuses to grow beyond a limit, if there is
/// one, as a full disk does.
class MemoryDraft final : public FileDraft {
 public:
  explicit MemoryDraft(std::uint64_t most_bytes = ~std::uint64_t{0}) : most_bytes_(most_bytes) {}

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    if (bytes.size() > most_bytes_ - bytes_.size()) {
      return Error(Errc::system, "no space is left for " + std::to_string(bytes.size()) + " bytes");
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return {};
  }
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset) {
      return Error(Errc::invalid_argument, "write_at() replaces only bytes that were written");
    }
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return bytes_.size(); }

  [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

 private:
  std::uint64_t most_bytes_;
  std::vector<std::byte> bytes_;
};

/// A MakeArray: allocates memory of the array's own.
[[nodiscard]] inline Result<ArrayDraft> make_own(const ElementType& element, const Extents& extents) {
  return ArrayDraft::make(element, extents);
}

}  // namespace locum
