#include "transport/storage/pack/backend.hpp"

#include "transport/storage/pack/reader.hpp"
#include "transport/storage/pack/writer.hpp"

namespace locum::storage {

Result<std::shared_ptr<Backend>> open_pack_backend(const Url& url) {
  if (const auto known = url.knows_only({"read", "sync", "compact", "repair", "lock"}); !known) {
    return known.error();
  }
  if (url.path.empty() || url.path.back() == '/' || !url.host.empty()) {
    return Error(Errc::invalid_argument, "write the URL as pack:///folder/file.pack: it names one file");
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
                 "who opens a pack with read=1 cannot compact or repair it; leave out "
                 "one of the two");
  }
  return *reads
             ? open_pack_reader(url.path)
             : open_pack_writer(
                   url.path, {.syncs = *syncs, .locks = *locks, .compacts = *compacts, .repairs = *repairs});
}

}  // namespace locum::storage
