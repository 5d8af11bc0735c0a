#pragma once

#include <span>
#include <string_view>

#include <locum/format.hpp>

#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

/// Writes a text of UTF-8 to a file in ISO 8859-1. REQUIRES: each piece that is written is valid by itself.
class Latin1Draft final : public FileDraft {
 public:
  explicit Latin1Draft(FileDraft& file) : file_(file) {}

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    const auto converted =
        latin1_of_utf8(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    return converted ? file_.write(std::as_bytes(std::span(*converted))) : converted.error();
  }
  [[nodiscard]] Result<void> write_at(std::uint64_t /*offset*/,
                                      std::span<const std::byte> /*bytes*/) override {
    return Error(Errc::unsupported, "a text in ISO 8859-1 is written from its beginning to its end");
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return file_.size_bytes(); }

 private:
  FileDraft& file_;
};

}  // namespace locum::storage
