#include <utility>

#include "transport/storage/wrappers/packed_record.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

std::shared_ptr<Backend> with_checksum(std::shared_ptr<Backend> inner) {
  return PackedRecord::over(std::move(inner), "checksum", nullptr);
}

}  // namespace locum::storage
