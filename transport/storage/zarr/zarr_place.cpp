#include "transport/storage/zarr/zarr_place.hpp"

#include <cstdint>
#include <span>
#include <utility>

#include "core/value/errors.hpp"
#include "transport/storage/files/state.hpp"
#include "transport/storage/zarr/metadata_member.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t longest_metadata = std::uint64_t{64} << 20U;

}  // namespace

Result<std::optional<std::string>> ZarrPlace::text(std::string_view name, bool tells_folders) const {
  const std::string at = below(name);
  const auto file = area->open(at, {.tells_folders = tells_folders});
  if (!file) {
    return file.error().code() == Errc::not_found ? Result<std::optional<std::string>>(std::nullopt)
                                                  : file.error().about(at);
  }
  if ((*file)->size_bytes() > longest_metadata) {
    return Error(Errc::corrupt, "metadata of more than 64 MiB are not read").about(at);
  }
  std::string text(static_cast<std::size_t>((*file)->size_bytes()), '\0');
  if (auto read = (*file)->read(0, std::as_writable_bytes(std::span(text))); !read) {
    return read.error().about(at);
  }
  return std::optional(std::move(text));
}

Result<ZarrPlace> zarr_place(const Files& files, std::string_view path, const PathOptions& options) {
  auto area = files.state()->area(options.backend);
  auto plain = area ? area_path(path, (*area)->name()) : Result<std::string>(area.error());
  return plain ? Result<ZarrPlace>(ZarrPlace{std::move(*area), std::move(*plain), files.state()->parts()})
               : plain.error();
}

bool ZarrTexts::is_group() const {
  if (!v3) {
    return group.has_value();
  }
  const auto json = read_zarr_json(*v3, "zarr.json");
  return json && (*json)["node_type"].text() == "group";
}

Result<ZarrTexts> zarr_texts(const ZarrPlace& place) {
  ZarrTexts texts;
  for (const auto& [name, into] : {std::pair{"zarr.json", &texts.v3}, std::pair{".zarray", &texts.array},
                                   std::pair{".zgroup", &texts.group}}) {
    auto text = place.text(name);
    if (!text) {
      return text.error();
    }
    *into = std::move(*text);
    if (*into) {
      break;
    }
  }
  return texts;
}

Result<void> check_above_zarr(const ZarrPlace& place, std::string_view path) {
  for (std::string at = place.path; !at.empty();) {
    at = area_folder_of(at);
    const ZarrPlace above{place.area, at};
    for (const std::string_view name : {"zarr.json", ".zarray"}) {
      const auto text = above.text(name, false);
      if (!text) {
        return text.error();
      }
      // Of version 3, a group says so.
      if (*text && (name == ".zarray" || !ZarrTexts{.v3 = *text, .array = {}, .group = {}}.is_group())) {
        return Error(Errc::invalid_argument,
                     "the folder '" + at +
                         "' above is an array of Zarr, in which nothing else is made; give "
                         "another path, or make a group there")
            .about(path);
      }
    }
  }
  return {};
}

}  // namespace locum::storage
