// In place of the other sources of this folder where the build has no zlib: archives are refused.

#include "transport/storage/backend_list.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/plain_bytes.hpp"

namespace locum::storage {

Result<std::shared_ptr<FileArea>> open_zip_area(const Url& /*url*/) {
  return not_in_build("zip", "LOCUM_WITH_ZLIB", "zlib1g-dev");
}

Result<void> pack_zip(const std::shared_ptr<FileArea>& /*area*/, const std::string& /*folder*/,
                      const std::string& /*archive*/) {
  return not_in_build("zip", "LOCUM_WITH_ZLIB", "zlib1g-dev");
}

Result<std::shared_ptr<PlainBytes>> open_gzip_bytes(const std::shared_ptr<AreaFile>& /*file*/) {
  return not_in_build("gzip", "LOCUM_WITH_ZLIB", "zlib1g-dev");
}

Result<std::unique_ptr<GzipDraft>> begin_gzip(FileDraft& /*into*/, int /*level*/) {
  return not_in_build("gzip", "LOCUM_WITH_ZLIB", "zlib1g-dev");
}

}  // namespace locum::storage
