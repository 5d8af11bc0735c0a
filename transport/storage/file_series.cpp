#include "transport/storage/file_series.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace locum::storage {

namespace {

constexpr std::string_view decimal_digits = "0123456789";

// Where the file name of a path begins.
std::size_t name_at(std::string_view path) {
  return path.rfind('/') + 1;  // npos + 1 is 0
}

// Where the extension of a path begins; its end if it has none. `.h5` is one, `.0042` is none.
std::size_t extension_at(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  const bool has_extension = dot != std::string_view::npos && dot >= name_at(path) &&
                             path.find_first_not_of(decimal_digits, dot + 1) != std::string_view::npos;
  return has_extension ? dot : path.size();
}

FileSeries cut(std::string_view path, std::size_t number_at, std::size_t number_end) {
  const std::size_t name = name_at(path);
  return {.folder = std::string(path.substr(0, name)),
          .before = std::string(path.substr(name, number_at - name)),
          .after = std::string(path.substr(number_end))};
}

}  // namespace

std::optional<std::uint64_t> FileSeries::number(std::string_view file_name) const noexcept {
  if (file_name.size() <= before.size() + after.size() || !file_name.starts_with(before) ||
      !file_name.ends_with(after)) {
    return std::nullopt;
  }
  file_name.remove_prefix(before.size());
  file_name.remove_suffix(after.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(file_name.data(), file_name.data() + file_name.size(), number);
  return error == std::errc{} && end == file_name.data() + file_name.size() ? std::optional(number)
                                                                            : std::nullopt;
}

std::optional<FileSeries> series_of(std::string_view path) {
  const std::string_view stem = path.substr(0, extension_at(path));
  const std::size_t last = stem.find_last_of(decimal_digits);
  if (last == std::string_view::npos || last < name_at(path)) {
    return std::nullopt;
  }
  const std::size_t first = std::max(stem.find_last_not_of(decimal_digits, last) + 1, name_at(path));
  return cut(path, first, last + 1);
}

std::optional<FileSeries> series_like(std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos || star < name_at(pattern) ||
      pattern.find('*', star + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  return cut(pattern, star, star + 1);
}

std::uint64_t number_of(std::string_view path) {
  const auto series = series_of(path);
  return series ? series->number(path.substr(name_at(path))).value_or(0) : 0;
}

std::vector<std::string> paths_in(const FileSeries& series) {
  std::vector<std::string> paths;
  std::error_code ignored;
  const std::string folder = series.folder.empty() ? "." : series.folder;
  for (std::filesystem::directory_iterator each(folder, ignored), end; each != end; each.increment(ignored)) {
    const std::string name = each->path().filename().string();
    if (series.number(name)) {
      paths.push_back(series.folder + name);
    }
  }
  return paths;
}

}  // namespace locum::storage
