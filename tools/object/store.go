package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuttirun/tutti/tools/web"
)

// store is one configured store and its client. It is safe for concurrent use.
type store struct {
	name   string
	bucket string
	prefix string // "" or ending in a slash
	hide   *strings.Replacer
	http   *http.Client
	s3     *s3.Client
	limits Settings
}

func newStore(name string, set Store, limits Settings) (*store, error) {
	if (set.AccessKey == "") != (set.SecretKey == "") {
		return nil, errors.New("access_key and secret_key: there must be both, or none for a public bucket")
	}
	if set.Region == "" {
		set.Region = DefaultRegion
	}
	if set.Endpoint == "" {
		set.Endpoint = "https://s3." + set.Region + ".amazonaws.com"
	}
	endpoint, err := parseEndpoint(set.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	if strings.Trim(set.Bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-_ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || strings.Trim(set.Bucket, ".") == "" {
		return nil, fmt.Errorf("bucket: %q is not the name of a bucket", set.Bucket)
	}
	s := &store{name: name, bucket: set.Bucket, limits: limits, hide: hider(set)}
	if prefix := strings.TrimSuffix(set.Prefix, "/"); prefix != "" {
		if err := checkKey(prefix); err != nil {
			return nil, fmt.Errorf("prefix: %w", err)
		}
		s.prefix = prefix + "/"
	}
	if s.http, err = guardOf(endpoint, set).Client(limits.Timeout); err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	s.http.Transport = bounded{s.http.Transport, int64(limits.MaxBytes)}
	s.s3 = s3.New(s.options(set))
	return s, nil
}

func (s *store) options(set Store) s3.Options {
	o := s3.Options{
		BaseEndpoint: &set.Endpoint, Region: set.Region, UsePathStyle: set.PathStyle, HTTPClient: s.http,
		Retryer: aws.NopRetryer{}, // steps are retried, by their own rules
		// Checksums in headers that servers other than Amazon's do not know. A request's content is signed.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Credentials:                aws.AnonymousCredentials{},
	}
	if set.AccessKey != "" {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: set.AccessKey, SecretAccessKey: set.SecretKey}, nil
		})
	}
	return o
}

// hider takes the credentials out of what a server says: some repeat the access key.
func hider(set Store) *strings.Replacer {
	var pairs []string
	for _, value := range []string{set.SecretKey, set.AccessKey} {
		if value != "" {
			pairs = append(pairs, value, "***")
		}
	}
	return strings.NewReplacer(pairs...)
}

// guardOf lets requests go to the endpoint, which is the operator's word, and nowhere else.
func guardOf(endpoint *url.URL, set Store) web.Guard {
	port := endpoint.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[endpoint.Scheme]
	}
	host := endpoint.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	g := web.Guard{Hosts: []string{host + ":" + port}, Redirects: -1}
	if !set.PathStyle {
		g.Hosts = append(g.Hosts, set.Bucket+"."+host+":"+port)
	}
	if set.Private {
		g.Private = g.Hosts
	}
	return g
}

// parseEndpoint never repeats the text: people put credentials into URLs.
func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, errors.New("it must begin with https:// or http:// and a host")
	case u.User != nil:
		return nil, errors.New("credentials belong in access_key and secret_key, not in the URL")
	case u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return nil, errors.New("it must be a host alone: the bucket belongs in bucket, a folder in prefix")
	}
	return u, nil
}

// full is a key as the store knows it.
func (s *store) full(key string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	if len(s.prefix)+len(key) > maxKey {
		return "", fmt.Errorf("key: it has more than %d bytes with the prefix of the store", maxKey)
	}
	return s.prefix + key, nil
}

const maxKey = 1024 // bytes; the limit of S3

// checkKey refuses what a store, or a proxy before it, might take for a way up.
func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("it is empty")
	case !utf8.ValidString(key) || strings.ContainsFunc(key, unicode.IsControl):
		return fmt.Errorf("%q holds control characters or is not UTF-8", key)
	case strings.Contains(key, `\`):
		return fmt.Errorf("%q holds a backslash", key)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf(`%q has a part that is empty, "." or ".."`, key)
		}
	}
	return nil
}
