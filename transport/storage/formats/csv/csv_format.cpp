#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "transport/storage/formats/csv/csv.hpp"
#include "transport/storage/formats/csv/csv_layout.hpp"
#include "transport/storage/formats/csv/csv_options.hpp"
#include "transport/storage/formats/csv/csv_table.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/formats/text/latin1_draft.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

std::string_view csv_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Tables of text with one separator.
class CsvFormat final : public Format {
 public:
  CsvFormat(const FormatTraits& traits, char separator) : traits_(traits), separator_(separator) {}

  [[nodiscard]] const FormatTraits& traits() const noexcept override { return traits_; }
  // Nothing marks a table.
  [[nodiscard]] bool recognises(std::span<const std::byte> /*first*/) const noexcept override {
    return false;
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& make) const override {
    return format_call([&]() -> Result<Record> {
      const auto read = csv_options(options, separator_);
      if (!read) {
        return read.error();
      }
      const auto bytes = file.in_place();
      if (!bytes) {
        return bytes.error();
      }
      const std::string_view text = csv_text(bytes->bytes);
      const CsvWorkers workers{
          .pieces = text.size() / piece_bytes + 1,
          .for_each = [&](std::size_t count, const CsvWorkers::Act& act) { file.concurrently(count, act); }};
      return read->is_latin1 ? csv_load_table(utf8_of_latin1(text), *read, make, workers)
                             : csv_load_table(text, *read, make, workers);
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& options) const override {
    return format_call([&]() -> Result<void> {
      const auto read = csv_options(options, separator_);
      if (!read) {
        return read.error();
      }
      if (!read->is_latin1) {
        return csv_save_table(value, file, *read);
      }
      Latin1Draft draft(file);
      return csv_save_table(value, draft, *read);
    });
  }
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& options) const override {
    return format_call([&]() -> Result<Record> {
      const auto read = csv_options(options, separator_);
      return read ? info_of_header(file, *read) : read.error();
    });
  }

 private:
  /// Reads no more of the file than it takes to find the end of the first line.
  [[nodiscard]] static Result<Record> info_of_header(FileBytes& file, const CsvOptions& options) {
    std::string begin;
    for (std::uint64_t size = first_bytes;; size *= 4) {
      begin.resize(static_cast<std::size_t>(std::min(size, file.size_bytes())));
      if (auto read = file.read(0, std::as_writable_bytes(std::span(begin))); !read) {
        return read.error();
      }
      const bool is_last_try = begin.size() == file.size_bytes() || size >= most_bytes;
      const std::string text = options.is_latin1 ? utf8_of_latin1(begin) : begin;
      const auto layout = csv_layout(text, options);
      const bool has_line = layout && (options.header ? !layout->rows.empty()
                                                      : layout->rows.find('\n') != std::string_view::npos);
      if (!is_last_try && !has_line) {
        continue;
      }
      if (!layout) {
        return layout.error();
      }
      Record::List names;
      for (const std::string& name : layout->names) {
        names.emplace_back(name);
      }
      return Record::members({{"kind", "table"},
                              {"columns", std::uint64_t{names.size()}},
                              {"names", Record::list(std::move(names))}});
    }
  }

  static constexpr std::size_t piece_bytes = std::size_t{1} << 20U;  ///< that one thread takes at a time
  static constexpr std::uint64_t first_bytes = std::uint64_t{1} << 16U;
  static constexpr std::uint64_t most_bytes = std::uint64_t{1} << 26U;

  const FormatTraits traits_;
  const char separator_;
};

constexpr std::string_view csv_holds =
    "tables: members that are arrays of one dimension or lists of texts, all of one length; an array of two "
    "dimensions";

}  // namespace

std::shared_ptr<const Format> csv_format() {
  static constexpr std::array<std::string_view, 1> endings{".csv"};
  return std::make_shared<const CsvFormat>(
      FormatTraits{.name = "csv", .endings = endings, .holds = csv_holds, .options = csv_option_list()}, ',');
}

std::shared_ptr<const Format> tsv_format() {
  static constexpr std::array<std::string_view, 1> endings{".tsv"};
  return std::make_shared<const CsvFormat>(
      FormatTraits{.name = "tsv", .endings = endings, .holds = csv_holds, .options = csv_option_list()},
      '\t');
}

}  // namespace locum::storage
