#include "transport/storage/formats/h5/h5_options.hpp"

#include <algorithm>
#include <string_view>

#include "core/value/extents.hpp"
#include "transport/storage/formats/text/format_options.hpp"

namespace locum::storage {

namespace {

/// Returns whether a path is one of names between slashes, none of which is empty or a dot.
bool is_h5_path(std::string_view path) {
  if (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part.find('\0') != std::string_view::npos) {
      return false;
    }
    begin = end + 1;
  }
  return true;
}

Result<std::vector<std::uint64_t>> h5_chunks_of(const Record& given) {
  std::vector<std::uint64_t> chunks;
  const auto wrong = [] { return wrong_option("chunks", "a list of at most 8 extents, each at least 1"); };
  const auto numbers = given.as<std::vector<std::int64_t>>();
  if (given.is_null()) {
    return chunks;
  }
  if (!numbers || numbers->empty() || numbers->size() > max_rank) {
    return wrong();
  }
  for (const std::int64_t number : *numbers) {
    if (number < 1) {
      return wrong();
    }
    chunks.push_back(static_cast<std::uint64_t>(number));
  }
  return chunks;
}

}  // namespace

Result<H5Options> H5Options::of(const Record& options) {
  const FormatOptions given(options);
  const auto dataset = given.text("dataset", "data");
  const auto attributes = given.flag("attributes", false);
  const auto skip = given.flag("skip", false);
  const auto sparse = given.flag("sparse", false);
  const auto half = given.word("half", {"f32"}, "f32");
  const auto level = given.count("compression", 0);
  auto chunks = h5_chunks_of(given["chunks"]);
  if (!dataset || !attributes || !skip || !sparse || !half) {
    return !dataset      ? dataset.error()
           : !attributes ? attributes.error()
           : !skip       ? skip.error()
           : !sparse     ? sparse.error()
                         : half.error();
  }
  if (!is_h5_path(*dataset)) {
    return wrong_option("dataset", "a path of names between slashes, as 'fields/T'");
  }
  if (!level || *level > 9 || (given.has("compression") && *level == 0)) {
    return wrong_option("compression", "a level of deflate, from 1 (fast) to 9 (small)");
  }
  if (!chunks) {
    return chunks.error();
  }
  H5Options chosen;
  chosen.has_dataset = given.has("dataset");
  chosen.dataset = *dataset;
  chosen.with_attributes = *attributes;
  chosen.skips_others = *skip;
  chosen.is_sparse = *sparse;
  chosen.half_as_f32 = given.has("half");
  chosen.compression = static_cast<unsigned>(*level);
  chosen.chunks = std::move(*chunks);
  return chosen;
}

}  // namespace locum::storage
