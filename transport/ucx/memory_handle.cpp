#include "transport/ucx/memory_handle.hpp"

#include "transport/ucx/error.hpp"

namespace locum::ucx {

Result<MemoryHandle> MemoryHandle::over(const Context& context, std::span<const std::byte> memory) {
  return over(context, memory, UCP_MEM_MAP_PROT_LOCAL_READ | UCP_MEM_MAP_PROT_REMOTE_READ);
}

Result<MemoryHandle> MemoryHandle::writable(const Context& context, std::span<std::byte> memory) {
  return over(context, memory,
              UCP_MEM_MAP_PROT_LOCAL_READ | UCP_MEM_MAP_PROT_LOCAL_WRITE | UCP_MEM_MAP_PROT_REMOTE_WRITE);
}

Result<MemoryHandle> MemoryHandle::over(const Context& context, std::span<const std::byte> memory,
                                        unsigned protection) {
  ucp_mem_map_params_t params{};
  params.field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH |
                      UCP_MEM_MAP_PARAM_FIELD_MEMORY_TYPE | UCP_MEM_MAP_PARAM_FIELD_PROT;
  params.address = const_cast<std::byte*>(memory.data());
  params.length = memory.size();
  params.memory_type = UCS_MEMORY_TYPE_HOST;
  params.prot = protection;
  return map(context, params, "UCX cannot register memory; `ulimit -l` may be too low");
}

Result<MemoryHandle> MemoryHandle::allocate(const Context& context, std::size_t bytes, std::byte* place) {
  ucp_mem_map_params_t params{};
  params.field_mask =
      UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH | UCP_MEM_MAP_PARAM_FIELD_FLAGS;
  params.address = place;
  params.length = bytes;
  params.flags = UCP_MEM_MAP_ALLOCATE | (place != nullptr ? unsigned{UCP_MEM_MAP_FIXED} : 0U);
  return map(context, params, "UCX cannot allocate memory; check /dev/shm and `ipcs -lm`");
}

Result<MemoryHandle> MemoryHandle::map(const Context& context, const ucp_mem_map_params_t& params,
                                       const char* failed) {
  ucp_mem_h handle = nullptr;
  if (const ucs_status_t status = ucp_mem_map(context.handle(), &params, &handle); status != UCS_OK) {
    return to_error(status, failed);
  }
  ucp_mem_attr_t attributes{};
  attributes.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS;
  MemoryHandle mapped(context.handle(), handle, {});
  if (const ucs_status_t status = ucp_mem_query(handle, &attributes); status != UCS_OK) {
    return to_error(status, failed);
  }
  mapped.memory_ = {static_cast<std::byte*>(attributes.address), params.length};
  return mapped;
}

MemoryHandle::~MemoryHandle() {
  if (handle_ != nullptr) {
    ucp_mem_unmap(context_, handle_);
  }
}

}  // namespace locum::ucx
