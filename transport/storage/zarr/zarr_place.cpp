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

Result<std::optional<std::string>> ZarrPlace::text(std::string_view name) const {
  const std::string at = below(name);
  const auto file = area->open(at, {});
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
  return plain ? Result<ZarrPlace>(ZarrPlace{std::move(*area), std::move(*plain)}) : plain.error();
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

}  // namespace locum::storage
