#include "transport/storage/pack/backend.hpp"

#include "transport/storage/pack/reader.hpp"
#include "transport/storage/pack/writer.hpp"

namespace locum::storage {

namespace {

Result<bool> flag_of(const Url& url, std::string_view name, bool otherwise) {
  const auto number = url.number(name, otherwise ? 1 : 0);
  if (!number || *number > 1) {
    return number ? Error(Errc::invalid_argument,
                          "the option '" + std::string(name) + "' of pack: is 0 or 1, and nothing else")
                  : number.error();
  }
  return *number == 1;
}

}  // namespace

Result<std::shared_ptr<Backend>> open_pack_backend(const Url& url) {
  if (const auto known = url.knows_only({"read", "sync", "compact", "repair", "lock"}); !known) {
    return known.error();
  }
  if (url.path.empty() || url.path.back() == '/' || !url.host.empty()) {
    return Error(Errc::invalid_argument, "write the URL as pack:///folder/file.pack: it names one file");
  }
  const auto reads = flag_of(url, "read", false);
  const auto syncs = flag_of(url, "sync", true);
  const auto compacts = flag_of(url, "compact", false);
  const auto repairs = flag_of(url, "repair", false);
  const auto locks = flag_of(url, "lock", true);
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
