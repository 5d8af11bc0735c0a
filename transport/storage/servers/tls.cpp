#include "transport/storage/servers/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/value/error.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/servers/server_place.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t most_file_bytes = std::size_t{16} << 20U;

struct Free {
  void operator()(SSL_CTX* one) const noexcept { ::SSL_CTX_free(one); }
  void operator()(SSL* one) const noexcept { ::SSL_free(one); }
  void operator()(BIO_METHOD* one) const noexcept { ::BIO_meth_free(one); }
};
using ContextOwner = std::unique_ptr<SSL_CTX, Free>;
using SslOwner = std::unique_ptr<SSL, Free>;
using MethodOwner = std::unique_ptr<BIO_METHOD, Free>;

/// The socket below a channel, as OpenSSL's own would not be: its calls do not sleep although the socket's
/// would, and write() ends no process by SIGPIPE.
struct Socket {
  int descriptor = -1;
  bool sleeps = false;  ///< the next read
  bool has_ended = false;
  int error_number = 0;
};

Socket& socket_of(BIO* bio) {
  return *static_cast<Socket*>(::BIO_get_data(bio));
}

bool is_later(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == EINTR;
}

int write_to_socket(BIO* bio, const char* bytes, int count) {
  Socket& socket = socket_of(bio);
  ::BIO_clear_retry_flags(bio);
  const ssize_t sent =
      ::send(socket.descriptor, bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && is_later(errno)) {
    ::BIO_set_retry_write(bio);
  } else if (sent < 0) {
    socket.error_number = errno;
  }
  return static_cast<int>(sent);
}

int read_from_socket(BIO* bio, char* bytes, int count) {
  Socket& socket = socket_of(bio);
  ::BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(socket.descriptor, bytes, static_cast<std::size_t>(count),
                             std::exchange(socket.sleeps, false) ? 0 : MSG_DONTWAIT);
  if (got < 0 && is_later(errno)) {
    ::BIO_set_retry_read(bio);
  } else if (got < 0) {
    socket.error_number = errno;
  } else if (got == 0) {
    socket.has_ended = true;
  }
  return static_cast<int>(got);
}

long control_socket(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// The oldest error of this thread that OpenSSL has not told yet; all are forgotten.
std::string text_of_openssl() {
  const unsigned long code = ::ERR_peek_error();
  const char* const reason = ERR_GET_LIB(code) == ERR_LIB_SYS ? std::strerror(ERR_GET_REASON(code))
                                                              : ::ERR_reason_error_string(code);
  std::string text = reason == nullptr ? "" : reason;
  ::ERR_clear_error();
  return text;
}

// Whether a server says by this that it does not accept the certificate of this client, or misses one.
bool refuses_certificate(int reason) {
  switch (reason) {
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

// A key with a passphrase is refused, where OpenSSL would ask for it at the terminal.
int no_passphrase(char* /*into*/, int /*size*/, int /*writes*/, void* /*user*/) {
  return -1;
}

class TlsChannel final : public SecureChannel {
 public:
  TlsChannel(std::shared_ptr<const BIO_METHOD> method, SslOwner ssl, std::unique_ptr<Socket> socket,
             std::string host, std::string name)
      : method_(std::move(method)),
        socket_(std::move(socket)),
        ssl_(std::move(ssl)),
        host_(std::move(host)),
        name_(std::move(name)) {}

  Result<Step> shake_hands() override {
    ::ERR_clear_error();
    const int done = ::SSL_connect(ssl_.get());
    is_known_ = done == 1;
    return is_known_ ? Step{} : waiting(done);
  }

  Result<Step> read(std::span<std::byte> into, bool sleeps) override {
    ::ERR_clear_error();
    std::size_t bytes = 0;
    socket_->sleeps = sleeps;
    const int done = ::SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
    socket_->sleeps = false;
    return done == 1 ? Step{.bytes = bytes} : waiting(done);
  }

  Result<Step> write(std::string_view bytes) override {
    ::ERR_clear_error();
    std::size_t written = 0;
    const int done = ::SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
    return done == 1 ? Step{.bytes = written} : waiting(done);
  }

  bool has_some() noexcept override {
    ::ERR_clear_error();
    std::byte one{};
    std::size_t bytes = 0;
    const int done = ::SSL_peek_ex(ssl_.get(), &one, sizeof one, &bytes);
    const bool has = done == 1 || ::SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ;
    ::ERR_clear_error();
    return has;
  }

 private:
  // Of a call that has not done what it was to do.
  [[nodiscard]] Result<Step> waiting(int done) {
    switch (::SSL_get_error(ssl_.get(), done)) {
      case SSL_ERROR_WANT_READ:
        return Step{.wants = Wants::to_read};
      case SSL_ERROR_WANT_WRITE:
        return Step{.wants = Wants::to_write};
      case SSL_ERROR_ZERO_RETURN:
        return Step{};
      default:
        return is_known_ ? failed() : not_known();
    }
  }

  [[nodiscard]] Result<Step> failed() {
    const int reason = ERR_GET_REASON(::ERR_peek_error());
    if (refuses_certificate(reason)) {  // in TLS 1.3 it may say so behind the handshake
      return no_certificate();
    }
    if (socket_->has_ended || socket_->error_number != 0) {
      ::ERR_clear_error();
      return Step{.error_number = socket_->error_number};
    }
    return Error(Errc::corrupt,
                 name_ + ": the bytes received are not those sent over TLS; check the network between",
                 text_of_openssl());
  }

  [[nodiscard]] Error no_certificate() {
    return Error(Errc::invalid_argument,
                 name_ + " requires a certificate that it accepts; give the URL cert=PATH and key=PATH",
                 text_of_openssl());
  }

  // Why no secured connection was made.
  [[nodiscard]] Error not_known() {
    const long verified = ::SSL_get_verify_result(ssl_.get());
    const int reason = ERR_GET_REASON(::ERR_peek_error());
    if (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH) {
      return Error(Errc::invalid_argument,
                   name_ + ": the server's certificate is for another host than '" + host_ +
                       "'; name the host as the certificate does, in the URL or by server_name=NAME",
                   text_of_openssl());
    }
    if (verified != X509_V_OK) {
      ::ERR_clear_error();
      return Error(Errc::invalid_argument,
                   name_ +
                       ": the server's certificate is not accepted; name the authority that signed it by "
                       "ca=PATH, or have it renewed",
                   ::X509_verify_cert_error_string(verified));
    }
    if (refuses_certificate(reason)) {
      return no_certificate();
    }
    const std::string detail = text_of_openssl();
    if (socket_->has_ended || socket_->error_number != 0) {
      return Error(Errc::peer_lost,
                   name_ +
                       ": the connection was lost before it was secured; check whether the server runs and "
                       "expects TLS on that port",
                   socket_->has_ended ? "the server closed it" : std::strerror(socket_->error_number));
    }
    return Error(Errc::invalid_argument,
                 name_ + " does not answer in TLS 1.2 or later; check whether that port is one for TLS",
                 detail);
  }

  const std::shared_ptr<const BIO_METHOD> method_;  ///< outlives what was made by it
  const std::unique_ptr<Socket> socket_;
  const SslOwner ssl_;
  const std::string host_;
  const std::string name_;
  bool is_known_ = false;  ///< hands were shaken
};

class Tls final : public Security {
 public:
  Tls(ContextOwner context, std::shared_ptr<const BIO_METHOD> method, std::string server_name)
      : context_(std::move(context)), method_(std::move(method)), server_name_(std::move(server_name)) {}

  Result<std::unique_ptr<SecureChannel>> channel(int descriptor, const std::string& host,
                                                 const std::string& name) const override {
    const std::string& wanted = server_name_.empty() ? host : server_name_;
    SslOwner ssl(::SSL_new(context_.get()));
    BIO* const bio = ssl ? ::BIO_new(method_.get()) : nullptr;
    if (bio == nullptr) {
      return no_memory_left();
    }
    auto socket = std::make_unique<Socket>(Socket{.descriptor = descriptor});
    ::BIO_set_data(bio, socket.get());
    ::BIO_set_init(bio, 1);
    ::SSL_set_bio(ssl.get(), bio, bio);  // it owns it now
    // An address is looked for among the certificate's addresses, a name among its names.
    bool is_set = ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl.get()), wanted.c_str()) == 1;
    if (!is_set) {
      ::SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      is_set = ::SSL_set1_host(ssl.get(), wanted.c_str()) == 1 &&
               SSL_set_tlsext_host_name(ssl.get(), wanted.c_str()) == 1;
    }
    const std::string detail = text_of_openssl();
    if (!is_set || wanted.empty()) {
      return Error(Errc::invalid_argument,
                   name + ": certificates know no host '" + wanted + "'; give the URL server_name=NAME",
                   detail);
    }
    return std::unique_ptr<SecureChannel>(
        std::make_unique<TlsChannel>(method_, std::move(ssl), std::move(socket), wanted, name));
  }

 private:
  const ContextOwner context_;
  const std::shared_ptr<const BIO_METHOD> method_;
  const std::string server_name_;
};

Error unreadable(const Url& url, const std::string& option, const std::string& what) {
  return Error(Errc::invalid_argument,
               url.scheme + ": the option " + option + " names '" + std::string(url.option(option)) +
                   "'; it has to be a PEM file that can be read, with " + what,
               text_of_openssl());
}

Result<void> check_is_small(const Url& url, const char* option) {
  const std::string path(url.option(option));
  const auto file = path.empty() ? Result<Descriptor>(Descriptor()) : open_small_file(path, most_file_bytes);
  return file ? Result<void>()
              : Error(Errc::invalid_argument,
                      url.scheme + ": the option " + option + ": " + file.error().text(),
                      file.error().detail());
}

// Certificates and keys of the URL, read into the context.
Result<void> read_files(const Url& url, SSL_CTX* context) {
  const std::string ca(url.option("ca"));
  const std::string cert(url.option("cert"));
  const std::string key(url.option("key"));
  if (cert.empty() != key.empty()) {
    return Error(Errc::invalid_argument,
                 url.scheme + ": takes the options cert and key together: a certificate and the key to it");
  }
  for (const char* const option : {"ca", "cert", "key"}) {  // OpenSSL reads pipes and devices to their ends
    if (auto is_small = check_is_small(url, option); !is_small) {
      return is_small;
    }
  }
  const bool has_authorities = ca.empty()
                                   ? ::SSL_CTX_set_default_verify_paths(context) == 1
                                   : ::SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr) == 1;
  if (!has_authorities) {
    return unreadable(url, "ca", "certificates of authorities");
  }
  if (cert.empty()) {
    return {};
  }
  if (::SSL_CTX_use_certificate_chain_file(context, cert.c_str()) != 1) {
    return unreadable(url, "cert", "the certificate of this client");
  }
  if (::SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_check_private_key(context) != 1) {
    return unreadable(url, "key", "the key to that certificate, without a passphrase");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Security>> tls_of(const Url& url) {
  ::ERR_clear_error();
  const std::string server_name(url.option("server_name"));
  if (is_local_server(url) && server_name.empty()) {
    return Error(Errc::invalid_argument,
                 url.scheme +
                     ": over a socket of this machine needs server_name=NAME, which the server's "
                     "certificate has to be for");
  }
  ContextOwner context(::SSL_CTX_new(::TLS_client_method()));
  MethodOwner method(::BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket"));
  if (!context || !method) {
    return no_memory_left();
  }
  ::BIO_meth_set_write(method.get(), write_to_socket);
  ::BIO_meth_set_read(method.get(), read_from_socket);
  ::BIO_meth_set_ctrl(method.get(), control_socket);
  ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  ::SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  if (SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
    return Error(Errc::system, "OpenSSL does not offer TLS 1.2; look at its configuration",
                 text_of_openssl());
  }
  (void)::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // A write is as much as the socket takes, of bytes that may have moved until it is repeated. After a
  // message of TLS itself a read returns, so that no server can keep it busy beyond its deadline.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  (void)SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(context.get(), 1);  // a record's length and its bytes by one call of the system
  if (auto read = read_files(url, context.get()); !read) {
    return read.error();
  }
  return std::shared_ptr<const Security>(std::make_shared<Tls>(
      std::move(context), std::shared_ptr<const BIO_METHOD>(method.release(), Free()), server_name));
}

}  // namespace locum::storage
