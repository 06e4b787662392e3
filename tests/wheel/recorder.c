/* Records which names a process looks up and which other machines it contacts, in native code too.

   Preloaded into a process (LD_PRELOAD), it appends a line for each of them to the file $RECORDED_NAMES.
   Addresses of this machine are left out. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void record(const char *what, const char *name) {
  const char *path = getenv("RECORDED_NAMES");
  int file = path && name ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
  if (file < 0) return;
  dprintf(file, "%s %s\n", what, name);
  close(file);
}

static void record_address(const char *what, const struct sockaddr *address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address && address->sa_family == AF_INET)
    inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof text);
  else if (address && address->sa_family == AF_INET6)
    inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof text);
  else
    return;
  if (strncmp(text, "127.", 4) && strcmp(text, "::1")) record(what, text);
}

static void record_name(const char *what, const char *name) {
  unsigned char address[sizeof(struct in6_addr)];
  if (!name || inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1) return;
  record(what, name);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
      dlsym(RTLD_NEXT, "getaddrinfo");
  record_name("getaddrinfo", name);
  return next(name, service, hints, found);
}

struct hostent *gethostbyname(const char *name) {
  struct hostent *(*next)(const char *) = dlsym(RTLD_NEXT, "gethostbyname");
  record_name("gethostbyname", name);
  return next(name);
}

struct hostent *gethostbyname2(const char *name, int family) {
  struct hostent *(*next)(const char *, int) = dlsym(RTLD_NEXT, "gethostbyname2");
  record_name("gethostbyname2", name);
  return next(name, family);
}

int gethostbyname_r(const char *name, struct hostent *entry, char *buffer, size_t size, struct hostent **found,
                    int *error) {
  int (*next)(const char *, struct hostent *, char *, size_t, struct hostent **, int *) =
      dlsym(RTLD_NEXT, "gethostbyname_r");
  record_name("gethostbyname_r", name);
  return next(name, entry, buffer, size, found, error);
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
  int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
  record_address("connect", address);
  return next(socket, address, length);
}

ssize_t sendto(int socket, const void *content, size_t size, int flags, const struct sockaddr *address,
               socklen_t length) {
  ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
      dlsym(RTLD_NEXT, "sendto");
  record_address("sendto", address);
  return next(socket, content, size, flags, address, length);
}
