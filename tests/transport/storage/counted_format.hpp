#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string_view>

#include "core/format.hpp"
#include "core/value/error.hpp"

namespace locum::tests {

/// A format that counts how often it loads, and loads as slowly as a test wants.
class CountedFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] bool recognises(std::span<const std::byte>) const noexcept override { return false; }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record&, const MakeArray& make) const override {
    const int number = ++loads;
    if (entered) {
      entered(number);
    }
    if (file.size_bytes() % 8 != 0) {
      return Error(Errc::corrupt, "this is no counted file");
    }
    auto draft = make(ElementType::of<double>(), {file.size_bytes() / 8});
    auto read = draft ? file.read(0, draft->bytes()) : Result<void>(draft.error());
    return read ? Result<Record>(std::move(*draft).finish()) : read.error();
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file, const Record&) const override {
    const Array array = value.array();
    return array && array.is_contiguous() ? file.write(array.bytes())
                                          : Result<void>(Error(Errc::type_mismatch, "an array"));
  }
  [[nodiscard]] Result<Record> info(FileBytes&, const Record&) const override { return Record(); }

  static inline std::atomic<int> loads{0};
  static inline std::function<void(int)> entered;

 private:
  static constexpr std::string_view ending = ".counted";
  static constexpr FormatOption mark{"mark", "tells two loads apart"};
  const FormatTraits traits_{
      .name = "counted", .endings = {&ending, 1}, .holds = "for tests", .options = {&mark, 1}};
};

class FilesLoadedOnce : public testing::Test {
 protected:
  FilesLoadedOnce() {
    CountedFormat::loads = 0;
    CountedFormat::entered = nullptr;
  }
  ~FilesLoadedOnce() override { CountedFormat::entered = nullptr; }
};

}  // namespace locum::tests
