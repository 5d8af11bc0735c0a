#include "transport/storage/pack/traits.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "core/base/resolved_path.hpp"
#include "core/url.hpp"
#include "transport/storage/pack/folder.hpp"
#include "transport/storage/pack/reader.hpp"
#include "transport/storage/pack/writer.hpp"

namespace locum::storage {

Result<std::shared_ptr<Backend>> open_pack_backend(const Url& url) {
  if (const auto known = url.knows_only({"read", "sync", "compact", "repair", "lock", "files"}); !known) {
    return known.error();
  }
  const std::string_view files = url.option("files");
  if (!files.empty() && files != "one" && files != "collection") {
    return Error(Errc::invalid_argument,
                 "the option files is 'one' (a file for all), or 'collection' (a folder with a file for each "
                 "collection), not '" +
                     std::string(files) + "'");
  }
  const bool is_folder = files == "collection";
  std::string path = url.path;
  while (is_folder && path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  if (path.empty() || path.back() == '/' || !url.host.empty()) {
    return Error(Errc::invalid_argument,
                 "write the URL as pack:///folder/file.pack: it names one file; or as "
                 "pack:///folder?files=collection");
  }
  const auto reads = url.flag("read", false);
  const auto syncs = url.flag("sync", true);
  const auto compacts = url.flag("compact", false);
  const auto repairs = url.flag("repair", false);
  const auto locks = url.flag("lock", true);
  for (const auto* const flag : {&reads, &syncs, &compacts, &repairs, &locks}) {
    if (!*flag) {
      return flag->error();
    }
  }
  if (*reads && (*compacts || *repairs)) {
    return Error(Errc::invalid_argument,
                 "a session that opens a pack with read=1 cannot compact or repair it; leave out "
                 "one of the two");
  }
  const std::string whole = resolved_path(path);
  const PackWriterOptions options{
      .syncs = *syncs, .locks = *locks, .compacts = *compacts, .repairs = *repairs};
  if (is_folder) {
    return *reads ? open_pack_folder_reader(whole) : open_pack_folder(whole, options);
  }
  auto pack = *reads ? open_pack_reader(whole) : open_pack_writer(whole, options);
  return pack ? Result<std::shared_ptr<Backend>>(std::move(*pack)) : pack.error();
}

}  // namespace locum::storage
