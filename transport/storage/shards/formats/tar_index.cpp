#include "transport/storage/shards/formats/tar_index.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "core/base/unless_out_of_memory.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"
#include "transport/storage/shards/formats/foreign_file.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t tar_block = 512;
constexpr std::uint64_t longest_tar_extension = std::uint64_t{1} << 20U;
constexpr std::size_t longest_tar_path = 4096;
constexpr std::size_t most_tar_fields = std::size_t{1} << 24U;
constexpr std::size_t most_tar_key_bytes = std::size_t{1} << 28U;
constexpr std::size_t most_tar_field_names = std::size_t{1} << 16U;

/// A field of a header, where it begins and how long it is.
struct TarPlace {
  std::size_t at;
  std::size_t bytes;
};
constexpr TarPlace tar_name{0, 100};
constexpr TarPlace tar_size{124, 12};
constexpr TarPlace tar_checksum{148, 8};
constexpr TarPlace tar_magic{257, 8};
constexpr TarPlace tar_prefix{345, 155};
constexpr std::size_t tar_type = 156;

std::string_view tar_text(std::string_view header, TarPlace place) {
  const std::string_view all = header.substr(place.at, place.bytes);
  return all.substr(0, all.find('\0'));
}

/// Reads a number: octal digits, or, as GNU does for large ones, bytes of which the first has its top bit
/// set.
std::optional<std::uint64_t> tar_number(std::string_view header, TarPlace place) {
  std::string_view all = header.substr(place.at, place.bytes);
  std::uint64_t number = 0;
  if (const auto first = static_cast<unsigned char>(all.front()); (first & 0x80U) != 0) {
    number = first & 0x7FU;
    for (const char byte : all.substr(1)) {
      if (number >> 55U != 0) {
        return {};
      }
      number = number << 8U | static_cast<unsigned char>(byte);
    }
    return number;
  }
  all.remove_prefix(std::min(all.find_first_not_of(' '), all.size()));
  all = all.substr(0, all.find_first_of(std::string_view(" \0", 2)));
  if (all.empty()) {
    return number;
  }
  const auto read = std::from_chars(all.data(), all.data() + all.size(), number, 8);
  return read.ec == std::errc() && read.ptr == all.data() + all.size() ? std::optional(number) : std::nullopt;
}

/// Whether the sum of the header's bytes is right: of bytes without a sign, or, as old programs did it, with.
bool has_right_tar_sum(std::string_view header) {
  const auto told = tar_number(header, tar_checksum);
  std::uint64_t sum = 0;
  std::int64_t signed_sum = 0;
  for (std::size_t at = 0; at < tar_block; ++at) {
    const bool is_sum = at >= tar_checksum.at && at < tar_checksum.at + tar_checksum.bytes;
    const char byte = is_sum ? ' ' : header[at];
    sum += static_cast<unsigned char>(byte);
    signed_sum += static_cast<signed char>(byte);
  }
  return told && (*told == sum || static_cast<std::int64_t>(*told) == signed_sum);
}

bool is_zeros(std::string_view text) {
  return text.find_first_not_of('\0') == text.npos;
}

/// Whether WebDataset takes the path for data about the shard, and for no sample: the first folder, or the
/// name itself, is like `__this__`.
bool is_tar_note(std::string_view path) {
  const std::string_view first = path.substr(0, path.find('/'));
  return first.size() >= 4 && first.starts_with("__") && first.ends_with("__");
}

}  // namespace

/// Reads an archive from its beginning to its end.
class TarReader {
 public:
  TarReader(PlainBytes& bytes, std::size_t piece, Deadline::Clock::time_point moment)
      : cursor_(bytes, std::max(piece, tar_block), moment) {}

  [[nodiscard]] Result<TarIndex> read() {
    for (;;) {
      at_ = cursor_.at();
      const auto block = cursor_.peek(tar_block, tar_block);
      if (!block) {
        return block.error();
      }
      if (block->size() < tar_block) {
        return wrong(block->empty() ? "the archive has no mark of its end: it was cut off"
                                    : "the archive ends within a header: it was cut off");
      }
      const std::string header(text_of_bytes(*block));
      auto done = cursor_.skip(tar_block);
      if (!done) {
        return done.error();
      }
      if (is_zeros(header)) {
        auto ended = read_end();
        return ended ? Result<TarIndex>(std::move(index_)) : ended.error();
      }
      if (auto taken = take(header); !taken) {
        return taken.error();
      }
    }
  }

 private:
  [[nodiscard]] Error wrong(const std::string& reason, Errc code = Errc::corrupt) const {
    return Error(code, "at byte " + std::to_string(at_) + ": " + reason);
  }
  /// Takes what the header describes, and goes behind it.
  [[nodiscard]] Result<void> take(const std::string& header);
  /// Reads the bytes of a header that extends the next one, and goes behind them.
  [[nodiscard]] Result<std::string> read_extension(std::uint64_t size);
  [[nodiscard]] Result<void> skip_data(std::uint64_t size);
  /// Reads lines `17 path=a/b.jpg` of an extended header.
  [[nodiscard]] Result<void> take_extended(std::string_view text, bool is_global);
  [[nodiscard]] Result<void> read_end();

  ShardCursor cursor_;
  TarIndex index_;
  std::uint64_t at_ = 0;             ///< of the header
  std::optional<std::string> path_;  ///< of the next header, by one that extends it
  std::optional<std::uint64_t> size_;
};

Result<void> TarReader::skip_data(std::uint64_t size) {
  const std::uint64_t padding = (tar_block - size % tar_block) % tar_block;
  const auto is_there = size + padding == 0 ? Result<bool>(true) : cursor_.skip(size + padding);
  return !is_there ? is_there.error()
         : *is_there
             ? Result<void>()
             : wrong("a file of " + std::to_string(size) + " bytes follows, and the archive ends before");
}

Result<std::string> TarReader::read_extension(std::uint64_t size) {
  if (size > longest_tar_extension) {
    return wrong("a header has an extension of " + std::to_string(size) + " bytes; at most 1 MiB is read",
                 Errc::unsupported);
  }
  std::string text;
  while (text.size() < size) {
    const auto most = static_cast<std::size_t>(size - text.size());
    const auto bytes = cursor_.peek(1, std::min(most, tar_block));
    if (!bytes) {
      return bytes.error();
    }
    if (bytes->empty()) {
      return wrong("the archive ends within the extension of a header: it was cut off");
    }
    text += text_of_bytes(*bytes);
    if (auto skipped = cursor_.skip(bytes->size()); !skipped) {
      return skipped.error();
    }
  }
  const std::uint64_t padding = (tar_block - size % tar_block) % tar_block;
  const auto is_there = padding == 0 ? Result<bool>(true) : cursor_.skip(padding);
  if (!is_there || !*is_there) {
    return is_there ? wrong("the archive ends within the extension of a header: it was cut off")
                    : is_there.error();
  }
  return text;
}

Result<void> TarReader::take_extended(std::string_view text, bool is_global) {
  while (!text.empty() && !is_zeros(text)) {
    std::size_t length = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto digits = static_cast<std::size_t>(read.ptr - text.data());
    const bool is_right = read.ec == std::errc() && length <= text.size() && length > digits + 2 &&
                          text[digits] == ' ' && text[length - 1] == '\n';
    const std::string_view line =
        is_right ? text.substr(digits + 1, length - digits - 2) : std::string_view();
    const std::size_t equals = line.find('=');
    if (!is_right || equals == line.npos) {
      return wrong("an extended header is damaged");
    }
    const std::string_view name = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    const bool counts = name == "path" || name == "size";
    if (name.starts_with("GNU.sparse.") || (is_global && counts)) {
      return wrong(is_global ? "a global header has the path or the size of all files"
                             : "a sparse file is not read; pack it without the option --sparse",
                   Errc::unsupported);
    }
    if (name == "path") {
      path_ = value;
    } else if (name == "size") {
      std::uint64_t size = 0;
      const auto number = std::from_chars(value.data(), value.data() + value.size(), size);
      if (number.ec != std::errc() || number.ptr != value.data() + value.size()) {
        return wrong("the size in an extended header is no number");
      }
      size_ = size;
    }
    text.remove_prefix(length);
  }
  return {};
}

Result<void> TarReader::take(const std::string& header) {
  if (!has_right_tar_sum(header)) {
    return wrong("no header is here whose checksum is right; the archive is damaged, or no archive of tar");
  }
  auto size = tar_number(header, tar_size);
  const char type = header[tar_type];
  if (!size || *size >> 62U != 0) {
    return wrong("the size of a file is no number");
  }
  if (type == 'x' || type == 'X' || type == 'g' || type == 'L' || type == 'K') {
    auto text = read_extension(*size);
    if (!text) {
      return text.error();
    }
    if (type == 'L') {
      text->resize(std::min(text->find('\0'), text->size()));
      path_ = std::move(*text);
    }
    return type != 'L' && type != 'K' ? take_extended(*text, type == 'g') : Result<void>();
  }
  const auto told_size = std::exchange(size_, std::nullopt);
  std::optional<std::string> told_path = std::exchange(path_, std::nullopt);
  size = told_size ? *told_size : *size;
  std::string path(tar_text(header, tar_name));
  const std::string_view magic(header.data() + tar_magic.at, tar_magic.bytes);
  if (magic.starts_with(std::string_view("ustar\0", 6)) && !tar_text(header, tar_prefix).empty()) {
    path = std::string(tar_text(header, tar_prefix)) + '/' + path;
  }
  if (told_path) {
    path = std::move(*told_path);
  }
  if (*size >> 62U != 0 || path.size() > longest_tar_path || path.find('\0') != path.npos) {
    return wrong("a file of " + std::to_string(*size) + " bytes has a path of " +
                     std::to_string(path.size()) + " bytes; at most 2^62, and 4096 without zeros, are read",
                 Errc::unsupported);
  }
  if (type == 'S') {
    return wrong("a sparse file is not read; pack it without the option --sparse", Errc::unsupported);
  }
  // Links, devices and folders have no bytes, whatever their headers say.
  const bool is_file = type == '0' || type == '\0' || type == '7';
  const bool has_bytes = is_file || type < '1' || type > '6';
  if (is_file && !path.ends_with('/')) {
    if (auto added = index_.add(path, cursor_.at(), *size); !added) {
      return wrong(added.error().text(), added.error().code());
    }
  }
  return has_bytes ? skip_data(*size) : Result<void>();
}

// The mark of the end is two blocks of zeros, of which programs forget the second, and more up to the end of
// a record.
Result<void> TarReader::read_end() {
  if (path_ || size_) {
    return wrong("the archive ends behind a header that extends the next one");
  }
  for (;;) {
    const auto rest = cursor_.peek(1, std::size_t{1} << 20U);
    if (!rest) {
      return rest.error();
    }
    if (rest->empty()) {
      return {};
    }
    if (!is_zeros(text_of_bytes(*rest))) {
      return wrong(
          "bytes follow the mark of the end of the archive, as of several archives in one file; "
          "keep each in a file of its own",
          Errc::unsupported);
    }
    if (auto skipped = cursor_.skip(rest->size()); !skipped) {
      return skipped.error();
    }
  }
}

std::string_view TarIndex::key(std::size_t sample) const noexcept {
  const std::size_t begin = samples_[sample].key_at;
  const std::size_t end = sample + 1 < samples_.size() ? samples_[sample + 1].key_at : keys_.size();
  return std::string_view(keys_).substr(begin, end - begin);
}

std::span<const TarField> TarIndex::fields(std::size_t sample) const noexcept {
  const std::size_t begin = samples_[sample].first_field;
  const std::size_t end = sample + 1 < samples_.size() ? samples_[sample + 1].first_field : fields_.size();
  return std::span(fields_).subspan(begin, end - begin);
}

Result<void> TarIndex::add(std::string_view path, std::uint64_t offset, std::uint64_t bytes) {
  const std::size_t base = path.rfind('/') + 1;  // 0 without a slash
  const std::size_t dot = path.find('.', base);
  if (dot == path.npos || dot == base || is_tar_note(path)) {
    return {};
  }
  const std::string_view key_of_path = path.substr(0, dot);
  std::string name(path.substr(dot + 1));
  std::ranges::transform(name, name.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  if (!is_utf8(path)) {
    return Error(Errc::unsupported, "the name of a file is no UTF-8; rename it");
  }
  const bool is_new = samples_.empty() || key(samples_.size() - 1) != key_of_path;
  if (fields_.size() == most_tar_fields || keys_.size() > most_tar_key_bytes ||
      names_.size() == most_tar_field_names || samples_.size() == most_shard_samples) {
    return Error(Errc::unsupported, "the archive has too many files for one shard; pack several");
  }
  if (is_new) {
    samples_.push_back({.first_field = fields_.size(), .key_at = keys_.size()});
    keys_ += key_of_path;
  }
  const auto [number, is_new_name] = numbers_.emplace(name, static_cast<std::uint32_t>(names_.size()));
  if (is_new_name) {
    names_.push_back(name);
  }
  // Samples have few fields; of a sample that has very many, each is looked for among all.
  constexpr std::size_t most_fields_of_sample = 4096;
  const auto others = fields(samples_.size() - 1);
  const auto is_same = [&](const TarField& field) { return field.name == number->second; };
  if (others.size() == most_fields_of_sample) {
    return Error(Errc::unsupported, "the sample " + quoted_name(key_of_path) + " has more than 4096 files");
  }
  if (name == "__key__" || std::ranges::any_of(others, is_same)) {
    return Error(Errc::corrupt,
                 "the sample " + quoted_name(key_of_path) + " has the field " + quoted_name(name) + " twice");
  }
  fields_.push_back({.offset = offset, .bytes = bytes, .name = number->second});
  return {};
}

Result<TarIndex> TarIndex::read(PlainBytes& bytes, std::size_t piece, Deadline::Clock::time_point moment) {
  return guarded([&] { return TarReader(bytes, piece, moment).read(); });
}

}  // namespace locum::storage
